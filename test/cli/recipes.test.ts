import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { claim, fail, run } from '../support/builds.ts'
import { makeFacilities } from '../support/facilities.ts'
import { freshPortal } from '../support/portal.ts'
import { recipeText } from '../support/recipes.ts'
import { recordingHost } from './host.ts'

const now = new Date('2026-06-15T12:00:00Z')

describe('on the command line, a recipe', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal(() => now)
    await makeFacilities(portal.as('admin'), 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const write = (name: string, fields: Parameters<typeof recipeText>[0] = {}) =>
    writeFile(join(portal.folder, name), recipeText(fields))

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    const here = { ...host, folder: portal.folder, today: () => now }
    return { exit: await main(mrgImage, argv, here), out: out.join('\n'), err: err.join('\n') }
  }

  const quarterly = '{cron: 0 3 1 */3 *, time_zone: Europe/Berlin, pause_after: 2}'

  test('is kept under its file’s name, and says when it builds', async () => {
    await write('std.yaml')
    expect(await mrg('put', 'recipe', 'std.yaml')).toEqual({
      exit: 0,
      out: 'std is version 1, and builds debian-13.0-std-x86, with mmdebstrap; it has no schedule.\n`mrg-image run build std --watch` builds it now.',
      err: '',
    })
    await write('std.yaml', { schedule: quarterly })
    const { out } = await mrg('put', 'recipe', './std.yaml')
    expect(out).toContain('std is version 2')
    expect(out).toContain('the next time is 2026-07-01 03:00 Europe/Berlin.\n')
  })

  test('belongs to whom its line does, or is called as one says', async () => {
    await write('tools.yaml', { line: 'lab1/debian-13-tools-x86' })
    expect((await mrg('put', 'recipe', 'tools.yaml')).out).toMatch(/^lab1\/tools is version 1/)
    const other = await mrg('put', 'recipe', 'tools.yaml', '--as', 'lab1/other', '--json')
    expect(JSON.parse(other.out)).toMatchObject({ name: 'lab1/other', builder: 'mmdebstrap' })
    expect((await mrg('list', 'recipes', '--namespace', 'lab1', '--json')).out).toContain('other')
  })

  test('can be checked, and is not kept then', async () => {
    await write('tried.yaml')
    const { exit, out } = await mrg('put', 'recipe', 'tried.yaml', '--check')
    expect(exit).toBe(0)
    expect(out).toMatch(/^tried\.yaml can be used: as version 1 of tried it builds debian-13\.0/)
    expect((await mrg('show', 'recipe', 'tried')).exit).toBe(1)
  })

  test('that is wrong is told with all that is, where it is, and not kept', async () => {
    await write('wrong.yaml', { size: 'much', colour: 'red' })
    const { exit, out } = await mrg('put', 'recipe', 'wrong.yaml')
    expect(exit).toBe(1)
    const lines = out.split('\n')
    expect(lines[0]).toMatch(/^wrong\.yaml:4:7: `size` needs a size such as 512M/)
    expect(lines[1]).toMatch(/^wrong\.yaml:5:1: there is no field `colour` here/)
    expect(lines[2]).toBe('2 problems.')
    const json = await mrg('put', 'recipe', 'wrong.yaml', '--json')
    expect(json.exit).toBe(1)
    expect(JSON.parse(json.out)).toMatchObject({
      file: 'wrong.yaml',
      problems: [{ line: 4, column: 7 }, { line: 5 }],
    })
  })

  test('that only the portal knows to be wrong is told in the same way', async () => {
    await write('alien.yaml', { line: 'debian-99-std-x86' })
    const { exit, out } = await mrg('put', 'recipe', 'alien.yaml', '--check')
    expect(exit).toBe(1)
    expect(out).toMatch(/^alien\.yaml:1:7: `line` cannot be built: Debian has no release "99\.0"/)
  })

  test('is listed and shown with its versions and its next times', async () => {
    const list = (await mrg('list', 'recipes')).out
    expect(list).toMatch(/^Recipe +Version +Builds +Builder +Next +Schedule\n/)
    expect(list).toMatch(/std +2 +debian-13\.0-std-x86 +mmdebstrap +2026-07-01 03:00.* goes on/)
    const { out } = await mrg('show', 'recipe', 'std')
    expect(out).toMatch(/Schedule +0 3 1 \*\/3 \* in Europe\/Berlin\n/)
    expect(out).toMatch(/Next +2026-07-01 03:00 Europe\/Berlin, 2026-10-01 03:00 Europe\/Berlin,/)
    expect(out).toMatch(/\n +2 .* by? ?admin|\n +2 +\d{4}.*admin/)
    expect(out.split('\n').filter((line) => /^ +[12] {2}20/.test(line))).toHaveLength(2)
    const text = (await mrg('show', 'recipe', 'std', '--version', '1', '--text')).out
    expect(`${text}\n`).toBe(recipeText())
  })

  test('has a schedule that can be looked at, of a file too', async () => {
    const { out } = await mrg('preview', 'schedule', 'std', '--count', '2')
    const rows = out.split('\n').slice(2)
    expect(rows[0]).toBe('2026-07-01 03:00 Europe/Berlin  2026-07-01 01:00:00 UTC')
    expect(rows[1]).toBe('2026-10-01 03:00 Europe/Berlin  2026-10-01 01:00:00 UTC')
    await write('nightly.yaml', { schedule: '{cron: 30 2 * * *}' })
    const file = await mrg('preview', 'schedule', './nightly.yaml', '--count', '1', '--json')
    expect(JSON.parse(file.out)).toMatchObject({ times: ['2026-06-16T02:30:00.000Z'] })
    await write('never.yaml')
    expect((await mrg('preview', 'schedule', 'never.yaml')).out).toBe('never.yaml has no schedule.')
    expect((await mrg('preview', 'schedule', 'std', '--count', '0')).exit).toBe(2)
  })

  test('that failed too often is paused, says why, and is resumed', async () => {
    for (let i = 0; i < 2; i++) {
      await run(portal.as('admin'), 'std')
      const mine = await claim(portal.as('agent:portal'))
      await fail(portal.as('agent:portal'), mine.claim, 'no mirror answers')
    }
    expect((await mrg('list', 'recipes')).out).toMatch(/std .* paused$/m)
    const { out } = await mrg('show', 'recipe', 'std')
    expect(out).toMatch(/Next +not by itself\nPaused +2 builds failed in a row.*no mirror answers/)
    const preview = (await mrg('preview', 'schedule', 'std')).out
    expect(preview).toContain('It builds at none of them: it is paused.')
    const resumed = await mrg('resume', 'recipe', 'std')
    expect(resumed.out).toBe('std is not paused; the next time is 2026-07-01 03:00 Europe/Berlin.')
  })

  test('is deleted, if it is what somebody saw, and can be read from then on', async () => {
    expect((await mrg('delete', 'recipe', 'std', '--etag', '99')).exit).toBe(1)
    const { out } = await mrg('delete', 'recipe', 'std')
    expect(out).toBe('std builds no more. `mrg-image show recipe std --text` still prints it.')
    expect((await mrg('list', 'recipes')).out).toBe('No recipes.')
    expect((await mrg('show', 'recipe', 'std')).out).toMatch(/\nDeleted +\d{4}/)
  })
})
