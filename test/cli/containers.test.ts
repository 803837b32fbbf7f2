import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { freshPortal } from '../support/portal.ts'
import { qcow2Of } from '../support/qcow2.ts'
import { recordingHost } from './host.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
const disk = Buffer.alloc(700_000, 'merge ')

beforeAll(async () => {
  portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
  await Promise.all([
    writeFile(file('disk.raw'), disk),
    writeFile(file('disk.raw.gz'), gzipSync(disk)),
    writeFile(file('disk.download'), zstdCompressSync(disk)),
    writeFile(file('disk.qcow2'), qcow2Of()),
    writeFile(file('disk.img'), qcow2Of()),
    writeFile(file('cut.raw.gz'), gzipSync(disk).subarray(0, 500)),
  ])
})

afterAll(() => portal[Symbol.asyncDispose]())

const file = (name: string): string => join(portal.folder, name)

async function publish(name: string, ...flags: readonly string[]) {
  const { host, out, err } = recordingHost(portal.address)
  const argv = ['publish', file(name), '--as', 'debian-13', '--json', ...flags]
  const exit = await main(mrgImage, argv, host)
  const told = exit === 0 ? (JSON.parse(out.join('')) as { image: { digest: string } }) : undefined
  return { exit, digest: told?.image.digest, err: err.join('\n') }
}

test('a file whose name says how it is packed makes the image of what is in it', async () => {
  const { digest } = await publish('disk.raw')
  expect(await publish('disk.raw.gz')).toMatchObject({ exit: 0, digest })
})

test('--format says it where the name does not', async () => {
  const { digest } = await publish('disk.raw')
  expect(await publish('disk.download', '--format', 'raw+zstd')).toMatchObject({ exit: 0, digest })
})

test('what begins as something else than was said is refused, with what to say', async () => {
  const undeclared = await publish('disk.img')
  expect(undeclared).toMatchObject({ exit: 1, err: expect.stringContaining('--format qcow2') })
  expect(await publish('disk.img', '--format', 'raw')).toMatchObject({ exit: 0 })
  const wrong = await publish('disk.raw', '--format', 'raw+xz')
  expect(wrong).toMatchObject({ exit: 1, err: expect.stringContaining('--format raw') })
})

test('--format takes the words that it lists, and no other', async () => {
  const { exit, err } = await publish('disk.raw', '--format', 'vmdk')
  expect(exit).toBe(2)
  expect(err).toContain('qcow2')
})

test('--max-size bounds what a packed file unpacks to', async () => {
  const { exit, err } = await publish('disk.raw.gz', '--max-size', '600K')
  expect(exit).toBe(1)
  expect(err).toContain('--max-size')
  expect((await publish('disk.raw.gz', '--max-size', '1M')).exit).toBe(0)
  expect((await publish('disk.raw.gz', '--max-size', 'much')).exit).toBe(2)
})

test('a packed file that ends too early publishes nothing', async () => {
  const before = await portal.sql`select from image`
  expect((await publish('cut.raw.gz')).exit).toBe(1)
  expect(await portal.sql`select from image`).toHaveLength(before.length)
})
