import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

interface Placed {
  readonly id: string
  readonly image: string
  readonly expireTime?: string
}

describe('on the command line, holds', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let [older, newer] = ['', '']
  const now = new Date('2026-06-15T12:00:00Z')

  beforeAll(async () => {
    portal = await freshPortal(() => now)
    older = await publish(portal.as('producer'), 'debian-13', randomBytes(100))
    newer = await publish(portal.as('producer'), 'debian-13', randomBytes(100))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    const exit = await main(mrgImage, argv, { ...host, today: () => now })
    return { exit, out: out.join('\n'), err: err.join('\n') }
  }
  async function placed(...argv: readonly string[]): Promise<readonly Placed[]> {
    return JSON.parse((await mrg('hold', ...argv, '--json')).out) as Placed[]
  }

  test('of a person last some days, and are shown with their end', async () => {
    const { out, err } = await mrg('hold', 'debian-13', older, '--days', '90', '--reason', 'thesis')
    expect(out).toMatch(new RegExp(`${newer} +until 2026-09-13 12:00:00 UTC`))
    expect(out).toContain(older)
    expect(err).toContain(`debian-13 is ${newer}`)
    const list = await mrg('list', 'holds', '--image', older)
    expect(list.out).toMatch(/ person +admin +until 2026-09-13 12:00:00 UTC +thesis +-$/m)
  })

  test('of an artifact last for ever', async () => {
    const [one] = await placed(older, '--kind', 'artifact', '--reason', 'a paper')
    expect(one).toMatchObject({ image: older, kind: 'artifact', active: true })
    expect(one).not.toHaveProperty('expireTime')
    const { out } = await mrg('renew', 'hold', one?.id ?? '', '--until', '2030-01-01')
    expect(out).toBe(`${older} is held until 2030-01-01 00:00:00 UTC.`)
    expect((await mrg('renew', 'hold', one?.id ?? '', '--forever')).out).toContain('for ever')
  })

  test.each([
    [['hold', 'debian-13', '--reason', 'x'], 'say until when'],
    [['hold', 'debian-13', '--days', '1'], '--reason TEXT is missing'],
    [['hold', 'debian-13', '--days', '1', '--until', '2030-01-01', '--reason', 'x'], 'leave one'],
    [['hold', 'debian-13', '--kind', 'lock', '--reason', 'x'], 'there is no kind `lock`'],
    [['renew', 'hold', 'x'], 'say until when'],
    [['release', 'hold'], 'say which: HOLD, --link LINK or --lock LOCK'],
    [['release', 'hold', 'x', '--link', 'y'], 'say which'],
  ])('are refused before anybody is asked: %j', async (argv, message) => {
    const { exit, err } = await mrg(...argv)
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })

  test('are released by their id and by their link', async () => {
    const about = ['--kind', 'materialization', '--reason', 'exp', '--link', 'mtz/1'] as const
    const [one] = await placed(older, newer, ...about)
    expect((await mrg('release', 'hold', one?.id ?? '')).out).toBe('1 hold is released.')
    expect((await mrg('list', 'holds', '--link', 'mtz/1')).out).toContain(newer)
    expect((await mrg('release', 'hold', '--link', 'mtz/1')).out).toBe('1 hold is released.')
    expect((await mrg('release', 'hold', '--link', 'mtz/1')).out).toContain('nothing is released')
    expect((await mrg('list', 'holds', '--link', 'mtz/1')).out).toBe('No holds.')
    const ended = await mrg('list', 'holds', '--link', 'mtz/1', '--ended')
    expect(ended.out).toMatch(/released 2026-06-15 12:00:00 UTC/)
  })

  test('are among those who need an image', async () => {
    await mrg('set', 'alias', 'course', older)
    const { out } = await mrg('list', 'holders', 'course')
    expect(out).toMatch(/^alias +course +- +The alias course points at it\.$/m)
    expect(out).toMatch(/^hold .* admin holds it \(person\): thesis\.$/m)
    const json = JSON.parse((await mrg('list', 'holders', older, '--json')).out) as object[]
    expect(json[0]).toMatchObject({ kind: 'alias', name: 'course' })
    const other = await publish(portal.as('producer'), 'fedora-43', randomBytes(100), false)
    expect((await mrg('list', 'holders', other)).out).toBe(`Nothing needs ${other}.`)
  })

  test('that are not there are missed', async () => {
    const { exit, err } = await mrg('release', 'hold', '01KV2ZJX5T8Q4N6R0W3Y7B9C1D')
    expect(exit).toBe(1)
    expect(err.split('\n')).toHaveLength(1)
    expect(err).toContain('There is no hold "01KV2ZJX5T8Q4N6R0W3Y7B9C1D"')
  })
})
