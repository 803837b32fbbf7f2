import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { parsePackages } from '../../lib/images/packages.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('a list of packages', () => {
  test('has a name and a version a line, as dpkg-query prints them', () => {
    const text = 'bash\t5.2.37-2+b5\nlibc6:i386\t2.41-12\nnano 8.4-1\n'
    expect(parsePackages('list', text)).toEqual([
      { name: 'bash', version: '5.2.37-2+b5' },
      { name: 'libc6:i386', version: '2.41-12' },
      { name: 'nano', version: '8.4-1' },
    ])
  })

  test('joins the versions of what is there more than once, in one order', () => {
    const lines = [
      'kernel\t6.9-1',
      'kernel\t6.12-1',
      'glibc\t2.41',
      'glibc\t2.41',
      'kernel\t6.12-1',
    ]
    const joined = [
      { name: 'kernel', version: '6.12-1,6.9-1' },
      { name: 'glibc', version: '2.41' },
    ]
    expect(parsePackages('list', lines.join('\n'))).toEqual(joined)
    const other = parsePackages('list', lines.toReversed().join('\n'))
    expect(other).toEqual(joined)
  })

  test('may have empty lines and those of other systems', () => {
    expect(parsePackages('list', '\r\na\t1\r\n\r\n  \nb   2 \r\n')).toEqual([
      { name: 'a', version: '1' },
      { name: 'b', version: '2' },
    ])
  })

  test.each([
    ['a name alone', 'a\t1\nb\nc\t3\n', /^list: line 2 is no package: write a name and a version/],
    ['an empty version', 'a\t\n', /line 1 is no package/],
    ['no name', '\t1\n', /line 1 is no package/],
    [
      'the output of dpkg -l',
      'ii  bash  5.2  amd64  GNU Bourne Again SHell\n',
      /line 1 is no package/,
    ],
    ['a control character', 'a\t1\u0007\n', /line 1 is no package/],
    ['nothing', '\n\n', /^list: there is no package in it\.$/],
    [
      'too many',
      Array.from({ length: 50_001 }, (_, i) => `p${i} 1`).join('\n'),
      /50001 packages, and an image has 50000 at most/,
    ],
    [
      'too much',
      Array.from({ length: 50_000 }, (_, i) => `${'p'.repeat(100)}${i} 1`).join('\n'),
      /have over 4 MiB/,
    ],
  ])('of %s is refused', (_, text, message) => {
    expect(() => parsePackages('list', text)).toThrow(
      expect.objectContaining({ reason: 'WRONG_FORMAT', message: expect.stringMatching(message) }),
    )
  })
})

describe('publishing with a list of packages', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    await writeFile(file('disk.raw'), Buffer.alloc(100_000, 'merge '))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const file = (name: string): string => join(portal.folder, name)

  async function publish(list: string) {
    const { host, out, err } = recordingHost(portal.address)
    const argv = ['publish', file('disk.raw'), '--as', 'debian-13', '--packages', file(list)]
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }

  test('keeps it with the image', async () => {
    await writeFile(file('good'), 'bash\t5.2\nkernel 1\nkernel 2\n')
    const { exit, out } = await publish('good')
    expect(exit).toBe(0)
    expect(out).toMatch(/^Packages +2$/m)
    const rows = await portal.sql`select name, version from image_package order by name`
    expect([...rows]).toEqual([
      { name: 'bash', version: '5.2' },
      { name: 'kernel', version: '1,2' },
    ])
  })

  test.each([
    ['bad', /bad: line 2 is no package/],
    ['absent', /cannot read .*absent: there is no such file/],
    ['', /is a directory; name a file/],
  ])('that is no good (%j) begins nothing', async (list, message) => {
    await writeFile(file('bad'), 'bash\t5.2\noops\n')
    const before = await portal.sql`select id from upload`
    const { exit, err } = await publish(list)
    expect(exit).toBe(1)
    expect(err).toMatch(message)
    expect(await portal.sql`select id from upload`).toHaveLength(before.length)
  })

  test('takes what dpkg-query prints', async () => {
    const run = promisify(execFile)
    const { stdout } = await run('dpkg-query', ['-W']).catch(() => ({ stdout: 'bash\t5.2\n' }))
    expect(parsePackages('list', stdout).length).toBeGreaterThan(0)
  })
})
