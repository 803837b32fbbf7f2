import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { age } from '../support/retention.ts'
import { recordingHost } from './host.ts'

describe('on the command line, retention', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let [oldest, newest] = ['', '']

  beforeAll(async () => {
    portal = await freshPortal(undefined, undefined, ['--collect-every', '0'])
    const producer = portal.as('producer:alice')
    oldest = await publish(producer, 'debian-13', randomBytes(4000))
    newest = await publish(producer, 'debian-13', randomBytes(1000))
    await age(portal.sql, oldest, 100)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }
  const json = async (...argv: readonly string[]) =>
    JSON.parse((await mrg(...argv, '--json')).out) as Record<string, unknown>

  test('goes by policies that are put, listed and shown', async () => {
    const std = ['put', 'policy', 'std', '--pattern', 'debian-*-std-x86', '--keep-newest', '1']
    const tried = await mrg(...std, '--expire-after', '30', '--check')
    expect(tried).toMatchObject({ exit: 0, err: '' })
    expect((await mrg('list', 'policies')).out).toBe('No policies.')
    const put = await mrg(...std, '--expire-after', '30', '--cron', '0 3 * * 0')
    expect(put.out).toBe(
      "std is kept: keeps the newest 1; expires after 30 days.\n`mrg-image plan retention 'debian-*-std-x86'` shows what would go.",
    )
    expect((await mrg('list', 'policies')).out).toContain('std     debian-*-std-x86')
    expect((await mrg('show', 'policy', 'std')).out).toMatch(
      /Schedule +0 3 \* \* 0 in UTC; what would free more than 20 % waits for a person/,
    )
  })

  test('says plainly what is wrong with a policy', async () => {
    const all = await mrg('put', 'policy', 'all', '--pattern', '*-*-*-*', '--expire-after', '1')
    expect(all).toMatchObject({ exit: 1, out: '' })
    expect(all.err).toContain('It would remove everything but the newest of each line')
    expect((await mrg('put', 'policy', 'x')).exit).toBe(2)
    const many = await mrg('put', 'policy', 'x', '--pattern', '*-*-*-*', '--keep-newest', 'ten')
    expect(many.err).toContain('--keep-newest "ten" is no number from 1 to 36525')
  })

  test('is planned, explained, applied under its etag, and told afterwards', async () => {
    const plan = await mrg('plan', 'retention', 'debian-*-*-*')
    expect(plan.exit).toBe(0)
    expect(plan.out).toMatch(/Does +expires 1, archives 0, keeps 1\nFrees +4\.0 kB at the portal/)
    expect(plan.out).toMatch(
      new RegExp(`expire +expire after +${oldest} +4\\.0 kB +It goes: it is older than 30 days`),
    )
    expect(plan.out).toContain('Keeps 1 image of 1 line: 1 needed (line).')
    const [, id = '', etag = ''] = /`mrg-image apply plan (\S+) --etag (\S+)`/.exec(plan.out) ?? []
    expect((await mrg('show', 'run', id, '--all')).out).toContain(newest)

    const explained = await mrg('explain', 'retention', oldest)
    expect(explained.out).toMatch(/expire after +yes +What is 30 days old is expired; it is that/)

    const wrong = await mrg('apply', 'plan', id, '--etag', 'wrong')
    expect(wrong).toMatchObject({ exit: 1 })
    expect(wrong.err).toContain('This is not the etag of the plan')
    const applied = await mrg('apply', 'plan', id, '--etag', etag)
    expect(applied.out).toBe(
      `${id} is carried out: 1 image gone as planned; 4.0 kB at the portal come free once the collector has been.`,
    )
    expect(await json('show', 'run', id)).toMatchObject({
      ...{ state: 'done', expireCount: 1, doneCount: 1 },
      items: [{ image: oldest, action: 'expire', rule: 'expire after', outcome: 'done' }],
    })
    expect((await mrg('list', 'runs')).out).toContain(id)
    expect((await mrg('explain', 'retention', oldest)).out).toContain(`${oldest} expired on`)
    expect(await json('explain', 'retention', newest)).toMatchObject({
      item: { action: 'keep', rule: 'needed', holders: [{ kind: 'line' }] },
    })
  })

  test('knows no plan that is not there', async () => {
    const { exit, err } = await mrg('apply', 'plan', 'nothing')
    expect(exit).toBe(1)
    expect(err).toContain('There is no plan "nothing"')
  })

  test('ends with its policy', async () => {
    expect((await mrg('delete', 'policy', 'std')).out).toBe('std is no policy any more.')
    expect((await mrg('show', 'policy', 'std')).err).toContain('There is no policy "std"')
    expect((await mrg('plan', 'retention')).out).toContain('Nothing goes.')
  })
})
