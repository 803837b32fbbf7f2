import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import type { Progress } from '../../cli/progress.ts'
import { whileMoving } from '../../cli/moving.ts'
import { openChannel } from '../../lib/rpc/connect.ts'
import { publish, restate } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

const lines = ['debian-12', 'debian-13', 'fedora-43', 'fedora-44', 'rocky-9', 'rocky-10', 'alma-9']

describe('on the command line, whether an image is to be used', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let [line, older, newer] = ['', '', '']

  beforeAll(async () => {
    portal = await freshPortal()
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(async () => {
    line = lines.pop() ?? ''
    older = await publish(portal.as('producer'), line, randomBytes(100))
    newer = await publish(portal.as('producer'), line, randomBytes(100))
  })

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }

  test('is said by deprecating it, at once or on a day, and shown', async () => {
    const { out } = await mrg('deprecate', older, '--replacement', line, '--reason', 'old kernel')
    expect(out).toBe(`${older} is deprecated; ${newer} is to be used instead.`)
    const shown = (await mrg('show', older)).out
    expect(shown).toMatch(new RegExp(`\nState +deprecated\n`))
    expect(shown).toMatch(new RegExp(`\nUse instead +${newer}\n`))
    expect(shown).toMatch(/\nChanged +\d{4}.* UTC: old kernel\n/)
    const listed = (await mrg('list', '--state', 'deprecated')).out
    expect(listed).toContain(`use ${newer}; old kernel`)
    const later = `${new Date().getUTCFullYear() + 1}-01-01`
    expect((await mrg('deprecate', newer, '--on', later)).out).toContain(`deprecated on ${later}`)
    expect((await mrg('show', newer)).out).toMatch(new RegExp(`Deprecated from +${later}`))
  })

  test('is said by revoking it, which names what was made of it', async () => {
    await portal.sql`update image set parent = ${older} where name = ${newer}`
    const { out } = await mrg('revoke', older, '--reason', 'CVE-2026-1')
    expect(out).toBe(`${older} is revoked.\n1 image was made of it, and says so now:\n  ${newer}`)
    expect((await mrg('revoke', older)).err).toContain('--reason TEXT is missing')
    const restored = await mrg('restore', older, '--reason', 'it was another image')
    expect(restored.out).toBe(`${older} is released, and not held back.`)
  })

  test('is said by holding it back, and taken back by restoring it', async () => {
    expect((await mrg('hold', 'back', newer)).out).toContain(`until \`mrg-image restore ${newer}\``)
    expect((await mrg('show', newer)).out).toMatch(/\nState +released, held back\n/)
    expect((await mrg('resolve', line)).out).toContain(older)
    await mrg('restore', newer)
    expect((await mrg('resolve', line)).out).toContain(newer)
  })

  test('is told change by change', async () => {
    await mrg('hold-back', newer, '--reason', 'it hangs')
    const { out } = await mrg('history', 'image', newer)
    const rows = out.split('\n').slice(2)
    expect(rows[0]).toMatch(/released, held back +present +- +admin +it hangs$/)
    expect(rows[1]).toMatch(/released +present +- +producer +published$/)
    expect((await mrg('history', newer)).out).toBe(out)
    const json = JSON.parse((await mrg('history', newer, '--json')).out) as object[]
    expect(json[0]).toMatchObject({ state: 'released', storage: 'present', heldBack: true })
  })

  test('is found by where its bytes are', async () => {
    await restate(portal.sql, older, { storage: 'archived' })
    expect((await mrg('list', '--storage', 'archived')).out).toContain(older)
    expect((await mrg('list', '--storage', 'archived')).out).not.toContain(newer)
    const json = JSON.parse((await mrg('show', older, '--json')).out) as object
    expect(json).toMatchObject({ storage: 'archived' })
  })

  test('waits for its bytes, of which restoring shows how far they are', async () => {
    await restate(portal.sql, older, { storage: 'archived' })
    await portal.sql`
      insert into move (image, kind, lease, actor, reason, total_bytes, done_bytes, lease_time)
      values (${older}, 'restore', gen_random_uuid(), 'admin', '', 1000, 340, now() + interval '1 hour')`
    expect((await mrg('show', older)).out).toMatch(/Moving +back from the archive, 34 %, 340 B of/)
    const { host, err } = recordingHost(portal.address)
    using channel = openChannel(portal.address, 'admin')
    const seen = new Set<number>()
    const goOn = async (doneBytes: number) => {
      if (doneBytes === 340) {
        await portal.sql`update move set done_bytes = 900, error = 'The archive hangs.'`
      } else {
        await portal.sql`update image set storage = 'present' where name = ${older}`
        await portal.sql`delete from move`
      }
    }
    const show = ({ doneBytes }: Progress) => {
      seen.add(doneBytes)
      void goOn(doneBytes)
    }
    const meter = () => ({ show, [Symbol.dispose]: () => undefined })
    const note = host.err
    const done = await whileMoving({ ...host, channel, note, meter, print: host.out }, older)
    expect(done).toMatchObject({ name: older, move: undefined })
    expect([...seen]).toEqual([340, 900])
    expect(err).toEqual(['It is tried again: The archive hangs.'])
  })

  test('cannot be taken back twice at once', async () => {
    const { exit, err } = await mrg('restore', older, '--bytes', '--standing')
    expect(exit).toBe(2)
    expect(err).toContain('take back one thing at a time')
  })
})
