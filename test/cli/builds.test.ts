import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { stopped } from '../../lib/failure.ts'
import { CheckOutcome } from '../../proto/gen/merge/image/v1/image.ts'
import { checks, claim, fail, finish, log, putRecipe } from '../support/builds.ts'
import { startLine } from '../support/line.ts'
import { freshPortal, type Clients } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('on the command line, a build', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let builder: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    builder = portal.as('agent:portal')
    await putRecipe(portal.as('admin'), 'std')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrgAt(address: string, argv: readonly string[], signal?: AbortSignal) {
    const { host, out, err } = recordingHost(address, signal)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }

  const mrg = (...argv: readonly string[]) => mrgAt(portal.address, argv)
  const parsed = async (...argv: readonly string[]) =>
    JSON.parse((await mrg(...argv, '--json')).out) as Record<string, unknown>

  /** Queues a build, and answers its name. */
  const queue = async (): Promise<string> => String((await parsed('run', 'build', 'std'))['name'])

  // Each test has the queue for itself.
  beforeEach(async () => {
    await portal.sql`update build set state = 'cancelled', end_time = now() where end_time is null`
  })

  test('is queued, and says how to see it', async () => {
    const { out } = await mrg('run', 'build', 'std', '--reason', 'a new kernel')
    expect(out).toMatch(
      /^(\S{26}) waits for a builder, to make debian-13\.0-std-x86: `mrg-image watch build \1` shows its log\.$/,
    )
    const name = out.slice(0, 26)
    expect((await mrg('list', 'builds')).out).toMatch(
      new RegExp(`\n${name} +queued +std 1 +- +.* UTC +person +-`),
    )
    const shown = (await mrg('show', 'build', name)).out
    expect(shown).toMatch(/State +queued\nRecipe +std, version 1\nAsked for +by admin \(person\)\n/)
    expect(shown).toContain('a new kernel')
  })

  test('is watched from its queue to its image, and ends with 0', async () => {
    const watched = mrg('run', 'build', 'std', '--watch', '--force')
    const mine = await waitingClaim()
    await log(builder, mine, 'installing\npar')
    await log(builder, mine, 'ted \u{1b}[31mred\n', 14)
    const image = await finish(builder, mine, randomBytes(100))
    const { exit, out, err } = await watched
    expect(exit).toBe(0)
    const lines = out.split('\n')
    expect(lines.slice(0, 3)).toEqual(['installing', 'parted  [31mred', `-- made ${image.name}`])
    expect(lines[3]).toMatch(new RegExp(`^${mine.build.name} made ${image.name} in `))
    expect(err).toContain(`${mine.build.name} is built by agent:portal.`)
    const again = await mrg('watch', 'build', mine.build.name)
    expect(again).toMatchObject({ exit: 0, out })
  })

  async function waitingClaim() {
    return claim(builder, { waitSeconds: 30 })
  }

  test('that failed ends with 1 and says why; it is tried again', async () => {
    const name = await queue()
    const mine = await claim(builder)
    const progress = { step: 'installing packages', done: 3n, total: 10n }
    await builder.builds.heartbeatBuild({ claim: mine.claim, progress })
    expect((await mrg('list', 'builds')).out).toMatch(/running .* installing packages$/m)
    expect((await mrg('show', 'build', name)).out).toMatch(
      /State +running: installing packages, 3 of 10\n/,
    )
    await fail(builder, mine.claim, 'the script ended with 7')
    expect((await mrg('list', 'builds')).out).toMatch(/failed .* the script ended with 7$/m)
    const { exit, out } = await mrg('watch', 'build', name)
    expect(exit).toBe(1)
    expect(out).toContain(
      `${name} has failed (script): the script ended with 7\n\`mrg-image retry build ${name}\` tries it again.`,
    )
    expect((await mrg('show', 'build', name)).out).toMatch(/State +failed: script\nMessage +the/)
    expect(await parsed('retry', 'build', name)).toMatchObject({ retryOf: name, trigger: 'retry' })
  })

  test('is cancelled: at once in the queue, by its builder where it runs; a watcher ends with 3', async () => {
    const first = await queue()
    expect((await mrg('cancel', 'build', first)).out).toBe(`${first} is cancelled.`)
    const name = await queue()
    const mine = await claim(builder)
    const told = (await mrg('cancel', 'build', name)).out
    expect(told).toContain(`${name} is told to stop`)
    expect((await mrg('show', 'build', name)).out).toMatch(/running, and told to stop by admin/)
    await builder.builds.finishBuild({
      claim: mine.claim,
      outcome: { $case: 'cancelled', value: {} },
    })
    const watched = await mrg('watch', 'build', name)
    expect(watched.exit).toBe(3)
    expect(watched.out).toContain(`${name} is cancelled: admin cancelled it.`)
    const ended = await mrg('cancel', 'build', first)
    expect(ended).toMatchObject({ exit: 0, out: `${first} is cancelled.` })
  })

  test('goes on when whoever watches gives up, who is told how to go on', async () => {
    const name = await queue()
    const mine = await claim(builder)
    const controller = new AbortController()
    const { host, err } = recordingHost(portal.address, controller.signal)
    await log(builder, mine, 'one\n')
    const out = (): void => {
      controller.abort(stopped('STOPPED', 'The process was asked to stop.'))
    }
    expect(await main(mrgImage, ['watch', 'build', name], { ...host, out })).toBe(1)
    expect(err.slice(-2)).toEqual([
      `The build goes on: \`mrg-image watch build ${name}\` shows it again, \`mrg-image cancel build ${name}\` ends it.`,
      'mrg-image: The process was asked to stop.',
    ])
    expect((await parsed('show', 'build', name))['state']).toBe('running')
  })

  test('is watched over a connection that is cut, and nothing is printed twice', async () => {
    const name = await queue()
    const mine = await claim(builder)
    const text = Array.from({ length: 20_000 }, (_, i) => `${i} of many\n`).join('')
    for (let at = 0; at < text.length; at += 100_000) {
      await log(builder, mine, text.slice(at, at + 100_000), at)
    }
    await using line = await startLine(portal.address, { cuts: (before) => before === 2 })
    const watched = mrgAt(line.address, ['watch', 'build', name])
    await fail(builder, mine.claim, 'it broke')
    const { exit, out } = await watched
    expect(exit).toBe(1)
    expect(out.startsWith(`${text}-- failed: it broke\n`)).toBe(true)
    expect(line.resets).toBe(1)
  })

  test('whose checks did not all pass says which, and so does its image', async () => {
    const name = await queue()
    const mine = await claim(builder)
    const some = checks({ 1: CheckOutcome.CHECK_OUTCOME_FAILED })
    const image = await finish(builder, mine, randomBytes(100), { checks: some })
    const { exit, out } = await mrg('watch', 'build', name)
    expect(exit).toBe(0)
    expect(out).toMatch(/\nboot +failed +as it was\n/)
    expect(out).toContain(`\`mrg-image release ${image.name} --reason TEXT\``)
    const shown = (await mrg('show', image.name)).out
    expect(shown).toMatch(new RegExp(`Build +${name} by agent:portal, .* UTC to .* UTC\n`))
    expect(shown).toMatch(/Recipe +std, version 1\n/)
    expect(shown).toMatch(/\nhygiene +passed +as it was\n/)
    expect(await parsed('show', image.name)).toMatchObject({
      checks: [{ kind: 'boot', outcome: 'failed' }, {}, {}, {}],
      provenance: { build: name, recipe: 'std' },
    })
    const refused = await mrg('release', image.name)
    expect(refused.err).toContain('--reason TEXT releases it all the same')
  })

  test('is listed by state, no more than asked for', async () => {
    const failed = await mrg('list', 'builds', '--state', 'failed', '--count', '1')
    expect(failed.out.split('\n')).toHaveLength(3)
    expect(failed.err).toBe('There are more: --count N lists N of them.')
    expect((await mrg('list', 'builds', '--namespace', 'lab1')).out).toBe('No builds.')
    const { exit, err } = await mrg('show', 'build', 'nothing')
    expect(exit).toBe(1)
    expect(err).toContain('"mrg-image list builds" shows those that there are')
  })
})
