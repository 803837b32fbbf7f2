import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { makeFacilities, register } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
const base = randomBytes(1_000_000)

beforeAll(async () => {
  portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
  const producer = portal.as('producer')
  const version = (name: string, version: string) => ({ name, version })
  await publish(producer, 'debian-12', base, true, [version('bash', '5.1'), version('vim', '9')])
  const grown = Buffer.concat([base, randomBytes(200_000)])
  await publish(producer, 'debian-13', grown, true, [version('bash', '5.2'), version('nano', '8')])
  await publish(producer, 'fedora-43', base)
})

afterAll(() => portal[Symbol.asyncDispose]())

async function mrg(...argv: readonly string[]) {
  const { host, out, err } = recordingHost(portal.address)
  return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
}

test('two images are compared by references, for people', async () => {
  const { exit, out, err } = await mrg('diff', 'bookworm', 'debian-13')
  expect(exit).toBe(0)
  expect(err).toContain('bookworm is debian-12.0-std-x86-20260615')
  expect(out).toMatch(
    /^From {2}debian-12\.0-std-x86-20260615 {2}Debian 12 \(Bookworm\)\nTo {4}debian-13\.0/,
  )
  expect(out).toMatch(/^Chunks +Count +Data +Stored\n-+/m)
  expect(out).toMatch(/^Whoever has the first fetches \d+ kB, \d\d % of it, for the second\.$/m)
  expect(out).toContain('1 package changed, 1 new, 1 gone.\n\nPackage  From  To\n')
  expect(out).toMatch(/^bash +5\.1 +5\.2\nnano +- +8\nvim +9 +-$/m)
})

test('the same is one document for scripts', async () => {
  const { out } = await mrg('diff', 'debian-12', 'debian-13', '--json')
  expect(JSON.parse(out)).toMatchObject({
    from: { name: 'debian-12.0-std-x86-20260615', state: 'released' },
    shared: { chunks: expect.any(Number) },
    packagesKnown: true,
    packages: [{ package: 'bash' }, { package: 'nano' }, { package: 'vim' }],
  })
})

test('the same content under two names is said to be', async () => {
  const { out } = await mrg('diff', 'debian-12', 'fedora-43')
  expect(out).toContain('Their content is the same.')
  expect(out).toContain('Their packages cannot be compared')
})

test('the same packages are said to be', async () => {
  expect((await mrg('diff', 'debian-12', 'debian-12')).out).toContain(
    'Their packages are the same.',
  )
})

test('what the bytes at a facility take is said to be unknown', async () => {
  await makeFacilities(portal.as('admin'), 'lab1')
  const own = Buffer.concat([base, randomBytes(200_000)])
  const name = await register(portal.as('agent:lab1'), 'lab1/debian-13-tools', own)
  const { out } = await mrg('diff', 'debian-12', name)
  expect(out).toMatch(/^shared +\d+ +\d+ kB +\d+ kB$/m)
  expect(out).toMatch(/^added +\d+ +\d+ kB +unknown$/m)
  expect(out).toMatch(
    /^Whoever has the first fetches \d+ kB of data, compressed, for the second\.$/m,
  )
})
