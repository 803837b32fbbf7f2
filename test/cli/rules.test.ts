import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { ReportStateRequest } from '../../proto/gen/merge/image/v1/agent.ts'
import { ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { makeFacilities, report } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { wanted } from '../support/rules.ts'
import { recordingHost } from './host.ts'

const { REPLICA_STATE_PRESENT } = ReplicaState

describe('on the command line, a sync rule', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let [older, newer] = ['', '']
  const data = randomBytes(60_000)

  beforeAll(async () => {
    portal = await freshPortal()
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    older = await publish(portal.as('producer'), 'debian-13', data)
    newer = await publish(
      portal.as('producer'),
      'debian-13',
      Buffer.concat([data, data, randomBytes(9000)]),
    )
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }

  test('is put, listed, shown and deleted', async () => {
    expect((await mrg('list', 'rules', 'lab1')).out).toBe('No rules.')
    const lines = ['--lines', 'debian-*-std-x86,ubuntu-*-*-*']
    const put = await mrg(
      'put',
      'rule',
      'lab1',
      'std',
      ...lines,
      '--newest',
      '2',
      '--priority',
      '-5',
    )
    expect(put).toEqual({
      ...{ exit: 0, err: '' },
      out:
        'std is kept: lab1 is to have the newest 2 of debian-*-std-x86, ubuntu-*-*-*.\n' +
        '`preview rule` shows what it would fetch.',
    })
    await wanted(portal.as('agent:lab1'), 'lab1', [older, newer])
    expect((await mrg('list', 'rules', 'lab1')).out).toMatch(
      /std +2 +on change +the newest 2 of debian-\*-std-x86, ubuntu-\*-\*-\*/,
    )
    const shown = await mrg('show', 'rule', 'lab1', 'std')
    expect(shown.out).toMatch(/When +whenever something changes/)
    expect(shown.out).toMatch(/Selected no more +stays until its room is needed/)
    expect(shown.out).toMatch(/Priority +-5/)
    expect((await mrg('delete', 'rule', 'lab1', 'std')).out).toBe(
      'std is no rule of lab1 any more.',
    )
    await wanted(portal.as('agent:lab1'), 'lab1', [])
  })

  test('with a schedule and aliases says so in words and in JSON', async () => {
    const times = ['--cron', '0 3 * * *', '--time-zone', 'Europe/Berlin', '--jitter', '3600']
    const flags = ['--aliases', 'debian,ubuntu', '--from', 'portal', '--leaving', '14', ...times]
    const put = await mrg('put', 'rule', 'lab2', 'nightly', ...flags)
    expect(put.out).toContain('lab2 is to have what debian, ubuntu point to, from portal.')
    const shown = await mrg('show', 'rule', 'lab2', 'nightly')
    expect(shown.out).toMatch(/When +0 3 \* \* \* in Europe\/Berlin, up to 3,?600 seconds later/)
    expect(shown.out).toMatch(/Selected no more +stays wanted for 14 days/)
    const json = JSON.parse((await mrg('show', 'rule', 'lab2', 'nightly', '--json')).out) as object
    expect(json).toMatchObject({
      aliases: ['debian', 'ubuntu'],
      leaving: 'keep_days',
      keepDays: 14,
    })
  })

  test('says in which hours, how fast and from where, when it is put, listed, shown and previewed', async () => {
    const hours = ['--windows', '22:00-06:00', '--time-zone', 'Europe/Berlin']
    const terms = [...hours, '--rate', '20M', '--peers', 'last']
    const words = '22:00-06:00 Europe/Berlin, 21.0 MB/s, portal first'
    const lines = ['--lines', 'fedora-*-*-*']
    expect((await mrg('put', 'rule', 'lab2', 'slow', ...lines, ...terms)).exit).toBe(0)
    expect((await mrg('list', 'rules', 'lab2')).out).toContain(words)
    expect((await mrg('show', 'rule', 'lab2', 'slow')).out).toContain(`Fetched           ${words}`)
    const json = JSON.parse((await mrg('show', 'rule', 'lab2', 'slow', '--json')).out) as object
    expect(json).toMatchObject({ windows: ['22:00-06:00'], rate: 20_971_520, peers: 'last' })
    const preview = await mrg('preview', 'rule', 'lab2', '--lines', 'debian-13-*-*', ...terms)
    expect(preview.out).toMatch(/at most, [\d.]+ s at that rate/)
    expect(preview.out).toContain(`By this rule alone they are fetched so: ${words}.`)
    const wrong = await mrg('put', 'rule', 'lab2', 'slow', ...lines, '--peers', 'never')
    expect(wrong).toMatchObject({ exit: 2, out: '' })
    expect(wrong.err).toContain('--peers "never" is none of these: first, last, only')
    await mrg('delete', 'rule', 'lab2', 'slow')
  })

  test('goes by labels, which are set, shown, asked for and removed', async () => {
    const labelled = await mrg('label', older, 'team=net', 'tier=gold')
    expect(labelled.out).toBe(`${older} has the labels team=net, tier=gold.`)
    expect((await mrg('label', older, 'tier-')).out).toBe(`${older} has the labels team=net.`)
    expect((await mrg('show', older)).out).toMatch(/Labels +team=net/)
    const list = await mrg('list', '--labels', 'team=net,!tier', '--json')
    expect(JSON.parse(list.out)).toMatchObject([{ name: older, labels: { team: 'net' } }])
    const put = await mrg(
      'put',
      'rule',
      'lab2',
      'net',
      '--lines',
      '*-*-*-*',
      '--labels',
      'team=net',
    )
    expect(put.out).toContain('the newest of *-*-*-* with the labels team=net.')
    await wanted(portal.as('agent:lab2'), 'lab2', [older])
    const wrong = await mrg('label', older, 'team')
    expect(wrong).toMatchObject({ exit: 2, out: '' })
    expect(wrong.err).toContain('"team" is no label: write it as KEY=VALUE or KEY-')
    expect((await mrg('label', older, 'no good=x')).err).toContain('is no key of a label')
    await mrg('delete', 'rule', 'lab2', 'net')
    await mrg('label', older, 'team-')
  })

  test('is previewed with bytes, sources, time and room, and nothing is moved', async () => {
    const preview = await mrg(
      'preview',
      'rule',
      'lab1',
      '--lines',
      'debian-*-*-*',
      '--newest',
      '2',
      '--rate',
      '1k',
    )
    expect(preview).toMatchObject({ exit: 0, err: '' })
    expect(preview.out).toMatch(
      new RegExp(`${older} +60\\.\\d kB +portal +number 2 of the newest 2 of its line`),
    )
    expect(preview.out).toMatch(
      /lab1 would fetch 0 B from peers and 1\d\d kB from the portal at most, \d min \d\d s at that rate/,
    )
    expect((await mrg('list', 'rules', 'lab1')).out).toBe('No rules.')

    await report(portal.as('agent:lab2'), 'lab2', newer, REPLICA_STATE_PRESENT)
    const push = await mrg('preview', 'push', 'lab1', older, newer)
    expect(push.out).toMatch(new RegExp(`${newer} +[\\d.]+ kB +peers +it was asked for`))
    await report(portal.as('agent:lab1'), 'lab1', older, REPLICA_STATE_PRESENT)
    const rest = await mrg('preview', 'push', 'lab1', older, newer)
    expect(rest.out).toMatch(new RegExp(`${older} +there +- +it was asked for`))
    const json = JSON.parse((await mrg('preview', 'push', 'lab1', newer, '--json')).out) as {
      readonly peerBytes: number
    }
    // Half of it is what the other image has.
    expect(json.peerBytes).toBeLessThan(130_000)
    expect(json.peerBytes).toBeGreaterThan(0)
  })

  test('leaves room for what somebody needs by a time, and who asks hears when it comes', async () => {
    const push = await mrg('push', older, 'lab2', '--by', '2030-06-15T12:00')
    expect(push.out).toMatch(
      /is wanted at lab2, which holds \d of \d images\. When it will be at lab2 nobody can tell/,
    )
    const agents = portal.as('agent:lab2').agents
    await agents.reportState(ReportStateRequest.create({ facility: 'lab2', fetchRate: 1000n }))
    const again = await mrg('push', older, 'lab2', '--by', '2030-06-15T12:00')
    expect(again.out).toMatch(/It is expected at lab2 at .*, in time for 2030-06-15 12:00:00 UTC\./)
    const wrong = await mrg('push', older, 'lab2', '--by', 'noon')
    expect(wrong).toMatchObject({ exit: 2, out: '' })
    expect(wrong.err).toContain('--by "noon" is no time')
  })

  test('says why it wants an image, or why not', async () => {
    await mrg('put', 'rule', 'lab1', 'new', '--lines', 'debian-*-std-x86')
    await wanted(portal.as('agent:lab1'), 'lab1', [newer])
    const wants = await mrg('explain', 'replica', newer, 'lab1')
    expect(wants.out).toContain('the sync rule new of lab1 wants it')
    expect(wants.out).toContain('The sync rule new selects it: the newest of its line.')
    const not = await mrg('explain', 'replica', older, 'lab1')
    expect(not.out).toContain(
      'The sync rule new does not select it: it is number 2, not among the newest of its line.',
    )
  })

  test.each<[string, readonly string[], number, string]>([
    ['without lines', ['put', 'rule', 'lab1', 'x', '--newest', '2'], 1, 'Say of which lines'],
    [
      'at an unknown facility',
      ['put', 'rule', 'lab9', 'x', '--lines', '*-*-*-*'],
      1,
      'There is no facility "lab9"',
    ],
    [
      'with a wrong number',
      ['put', 'rule', 'lab1', 'x', '--newest', 'two'],
      2,
      '--newest "two" is no number',
    ],
    [
      'that is not there',
      ['show', 'rule', 'lab1', 'none'],
      1,
      '"mrg-image list rules lab1" shows those',
    ],
    ['of nothing, previewed', ['preview', 'rule', 'lab1'], 1, 'Say of which lines'],
    [
      'of no image, previewed',
      ['preview', 'push', 'lab1', 'debian-13.0-std-x86-19990101'],
      1,
      'debian-13.0-std-x86-19990101',
    ],
  ])('%s is refused plainly', async (_, argv, exit, text) => {
    const answer = await mrg(...argv)
    expect(answer).toMatchObject({ exit, out: '' })
    expect(answer.err).toContain(text)
  })
})
