import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { BuilderKind } from '../../proto/gen/merge/image/v1/recipe.ts'
import { claim, finish } from '../support/builds.ts'
import { makeFacilities } from '../support/facilities.ts'
import { freshPortal } from '../support/portal.ts'
import { answerScan, foundItem, sourceText } from '../support/sources.ts'
import { recordingHost } from './host.ts'

const now = new Date('2026-06-15T12:00:00Z')

describe('on the command line, a source', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal(() => now)
    await makeFacilities(portal.as('admin'), 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    const here = { ...host, folder: portal.folder, today: () => now }
    return { exit: await main(mrgImage, argv, here), out: out.join('\n'), err: err.join('\n') }
  }

  async function put(name: string, fields: Readonly<Record<string, string>> = {}) {
    await writeFile(join(portal.folder, `${name}.yaml`), sourceText(fields))
    return mrg('put', 'source', `${name}.yaml`)
  }

  /** What an agent would find, told while somebody waits for it. */
  const answered = (...names: readonly string[]) =>
    answerScan(portal.as('agent:portal'), 'portal', { items: names.map((name) => foundItem(name)) })

  test('is kept under its file’s name, and says where it looks and when', async () => {
    const schedule = '{cron: 17 3 * * *, time_zone: Europe/Berlin}'
    const { exit, out } = await put('cloud', { schedule })
    expect(exit).toBe(0)
    expect(out).toContain(
      'cloud looks in directory /srv/images for images of ubuntu-{release}-std-{arch}; the next scan is 2026-06-16 03:17 Europe/Berlin.',
    )
    const listed = await mrg('list', 'sources', '--json')
    expect(JSON.parse(listed.out)).toMatchObject([{ name: 'cloud', kind: 'directory' }])
    expect((await mrg('show', 'source', 'cloud', '--text')).out).toBe(
      sourceText({ schedule }).trimEnd(),
    )
  })

  test('that is wrong is told with all that is, where it is, and not kept', async () => {
    const { exit, out } = await put('wrong', { match: '"{a}{b}"', line: 'ubuntu', colour: 'red' })
    expect(exit).toBe(1)
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^wrong\.yaml:2:8: `match` needs something between two fields/),
      expect.stringMatching(/^wrong\.yaml:3:7: `line` needs distro, release, role/),
      expect.stringMatching(/^wrong\.yaml:4:1: there is no field `colour` here/),
      '3 problems.',
    ])
    expect((await mrg('show', 'source', 'wrong')).exit).toBe(1)
  })

  test('of another namespace than its lines is refused by the portal, with the line of the mistake', async () => {
    await writeFile(join(portal.folder, 'own.yaml'), sourceText())
    const { exit, out } = await mrg('put', 'source', 'own.yaml', '--as', 'lab1/own')
    expect(exit).toBe(1)
    expect(out).toMatch(
      /^own\.yaml:3:7: `line` belongs to the portal, and the source's name to lab1/,
    )
  })

  test('is scanned, and tells what would become of each item', async () => {
    await put('seen')
    const names = ['24.04/amd64/disk-20240601.img', '24.04/amd64/disk-20240501.img', 'README']
    const [, { exit, out }] = await Promise.all([
      answered(...names),
      mrg('scan', 'source', 'seen', '--preview'),
    ])
    expect(exit).toBe(0)
    expect(out).toMatch(
      /disk-20240601\.img +300 kB +ubuntu-2404\.0-std-x86-20240601 +wanted +it is the newest of its line/,
    )
    expect(out).toMatch(/disk-20240501\.img .* older +1 is of its line newer/)
    expect(out).not.toContain('README')
    expect(out).toContain('seen has 3 items. 1 import would be queued, and nothing was moved.')
    expect((await mrg('list', 'items', 'seen', '--all')).out).toContain('README')
  })

  test('imports what it wants, or an item that somebody names', async () => {
    const wanted = await mrg('import', 'source', 'seen', '--json')
    expect(JSON.parse(wanted.out)).toMatchObject([
      { target: 'ubuntu-2404.0-std-x86', builderKind: 'import', origin: { source: 'seen' } },
    ])
    expect((await mrg('import', 'source', 'seen')).out).toBe('There is nothing to import of seen.')
    const older = await mrg('import', 'source', 'seen', '24.04/amd64/disk-20240501.img')
    expect(older.out).toContain('imports ubuntu-2404.0-std-x86.')
    const again = await mrg('import', 'source', 'seen', '24.04/amd64/disk-20240501.img')
    expect(again).toMatchObject({ exit: 1 })
    expect(again.err).toContain('is not imported')
    expect((await mrg('list', 'builds', '--source', 'seen')).out).toMatch(/queued +seen/)
  })

  test('is where an image says that it came from', async () => {
    const importer = portal.as('agent:portal')
    const job = await claim(importer, { kinds: [BuilderKind.BUILDER_KIND_IMPORT] })
    const { name } = await finish(importer, job, Buffer.from('a disk'), { checks: [] })
    expect((await mrg('show', name)).out).toMatch(
      /\nImported from +file:\/\/\/srv\/images\/24\.04\/amd64\/disk-20240601\.img, by seen, version 1\nVersion there +v1\n/,
    )
    expect((await mrg('show', 'build', job.build.name)).out).toMatch(
      /\nImports +24\.04\/amd64\/disk-20240601\.img of seen, from file:/,
    )
    expect((await mrg('list', 'items', 'seen')).out).toMatch(
      new RegExp(`${name} +imported +it is ${name}`),
    )
  })

  test('that cannot be looked at says why', async () => {
    await put('gone')
    const [, { exit, out }] = await Promise.all([
      answerScan(portal.as('agent:portal'), 'portal', { error: 'nothing is there' }),
      mrg('scan', 'source', 'gone'),
    ])
    expect({ exit, out }).toEqual({ exit: 1, out: 'gone could not be looked at: nothing is there' })
    expect((await mrg('show', 'source', 'gone')).out).toContain('nothing is there')
  })

  test('that is deleted is listed no more', async () => {
    expect((await mrg('delete', 'source', 'gone')).exit).toBe(0)
    expect((await mrg('list', 'sources')).out).not.toContain('gone')
    expect((await mrg('scan', 'source', 'gone')).exit).toBe(1)
  })
})
