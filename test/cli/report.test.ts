import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('a pipeline', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    await writeFile(file('disk.raw'), Buffer.alloc(100_000, 'merge '))
    await writeFile(file('build.log'), 'it built\n')
    await writeFile(file('long.log'), 'x'.repeat(3_000_000))
    await writeFile(file('packages'), 'bash\t5.2\n')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const file = (name: string): string => join(portal.folder, name)

  async function report(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    const all = ['report', 'build', ...argv, '--as', 'debian-13', '--builder', 'ci/debian']
    const exit = await main(mrgImage, all, { ...host, folder: portal.folder })
    return { exit, out: out.join('\n'), err: err.join('\n') }
  }

  async function mrg(...argv: readonly string[]): Promise<string> {
    const { host, out } = recordingHost(portal.address)
    await main(mrgImage, argv, host)
    return out.join('\n')
  }

  const built = () => ['--log', 'build.log', '--packages', file('packages')]

  test('publishes what it built, with its log and checks, and releases it, by one command', async () => {
    const more = [
      '--passed',
      'boot,fsck,hygiene',
      '--link',
      'https://ci.example/7',
      '--auto-release',
    ]
    const began = ['--started', '2026-06-15T11:00:00Z']
    const { exit, out } = await report(file('disk.raw'), ...built(), ...more, ...began)
    expect(exit).toBe(0)
    expect(out).toMatch(/^debian-13\.0-std-x86-20260615 is published, and released\.\n/)
    expect(out).toMatch(/\npackages +passed +as its pipeline says\n/)
    const shown = await mrg('show', 'debian-13')
    expect(shown).toMatch(/by ci\/debian, 2026-06-15 11:00:00 UTC to 2026-06-15 12:00:00 UTC\n/)
    expect(shown).toMatch(
      /Recipe +none: it was built elsewhere\n.*\nLink +https:\/\/ci\.example\/7/,
    )
    const [, name = ''] = /Build +(\S+)/.exec(out) ?? []
    expect(await mrg('watch', 'build', name)).toContain('it built\n-- made debian-13.0-std-x86')
  })

  test('keeps a candidate that lacks checks, until somebody gives a reason', async () => {
    const first = await report(
      file('disk.raw'),
      ...built(),
      '--not-passed',
      'boot',
      '--auto-release',
    )
    expect(first.exit).toBe(1)
    expect(first.err).toContain('20260615.1 did not pass all of its checks (boot, fsck, hygiene)')
    expect(await mrg('list', '--state', 'candidate')).toContain('debian-13.0-std-x86-20260615.1')
    const second = await report(
      file('disk.raw'),
      '--auto-release',
      '--reason',
      'it boots on my desk',
    )
    expect(second.out).toContain('20260615.2 is published, and released.')
  })

  test('tells of a build that failed, without a disk', async () => {
    const why = ['--message', 'it took a day', '--failure', 'time']
    const { exit, out } = await report('--log', 'build.log', ...why)
    expect(exit).toBe(0)
    const [name = ''] = out.split(' ')
    expect(await mrg('show', 'build', name)).toMatch(/State +failed: time\nMessage +it took a day/)
  })

  test('sends the ends of a log that is too long', async () => {
    const { out } = await report('--log', 'long.log', '--message', 'no room', '--json')
    const { build } = JSON.parse(out) as { build: { logBytes: number; name: string } }
    expect(build.logBytes).toBeLessThan(2_097_200)
    expect(await mrg('watch', 'build', build.name)).toContain(
      '-- the middle of the log is left out',
    )
  })

  test.each([
    [[], 'give FILE, the disk that it built, or --message, why it failed'],
    [['disk.raw', '--message', 'x'], 'a build with FILE did not fail'],
    [['disk.raw', '--passed', 'bot'], 'there is no check `bot`: did you mean `boot`?'],
    [['disk.raw', '--passed', 'boot', '--not-passed', 'boot'], 'boot was passed, or was not'],
    [['disk.raw', '--started', 'noon'], '--started "noon" is no time'],
  ])('that says %j is told what is wrong before anything is published', async (argv, message) => {
    const { exit, err } = await report(...argv)
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })
})
