import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { joinDigests } from '../../../lib/content/digest.ts'
import { manifestDigest } from '../../../lib/content/encoding.ts'
import { numberedChunks } from '../../../lib/content/numbered.ts'
import type { FetchDeltasResponse } from '../../../proto/gen/merge/image/v1/delta.ts'
import { ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import { freshAgent, pull } from '../../support/agent.ts'
import { collect } from '../../support/chunks.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { manifestOf, publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'

const none = Buffer.alloc(0)

function edited(data: Buffer, word: string): Buffer {
  const copy = Buffer.from(data)
  for (let at = 1000; at < copy.length; at += 100_000) copy.write(word, at)
  return copy
}

function digestOf(data: Buffer): Buffer {
  return joinDigests([manifestDigest(manifestOf(data))])
}

describe('the deltas of a rebuilt image', () => {
  // Random digits, so that they compress; the portal stores less than half of them.
  const first = Buffer.from(randomBytes(1_500_000).toString('hex'))
  const second = edited(first, 'second')
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal()
    await publish(portal.as('producer'), 'debian-13', first)
    await publish(portal.as('producer'), 'debian-13', second)
    await prepared(1)
  })

  afterAll(async () => {
    await portal[Symbol.asyncDispose]()
  })

  const prepared = async (count: number): Promise<void> => {
    for (;;) {
      const rows = await portal.sql`select from delta`
      if (rows.length >= count) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  const fetch = (
    target: Buffer,
    bases: readonly Buffer[],
    wanted = none,
  ): Promise<FetchDeltasResponse[]> =>
    collect(
      portal.as('agent:lab1').deltas.fetchDeltas({ target, bases: Buffer.concat(bases), wanted }),
    )

  test('are prepared by themselves, and small', async () => {
    const messages = await fetch(digestOf(second), [digestOf(first)])
    const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0)
    expect(messages.length).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(second.length / 50)
    expect(messages.every(({ base }) => base.equals(digestOf(first)))).toBe(true)
  })

  test('are prepared for an image whose commit ends after that of a newer one, too', async () => {
    await publish(portal.as('producer'), 'fedora-43', randomBytes(100_000))
    await portal.sql`delete from delta`
    await portal.sql`insert into delta_wanted select name from image where distro = 'debian'`
    await prepared(1)
  })

  test('are sent only for chunks that are wanted', async () => {
    const count = numberedChunks(manifestOf(second)).length
    const bits = Buffer.alloc(Math.ceil(count / 8))
    expect(await fetch(digestOf(second), [digestOf(first)], bits)).toEqual([])
    const all = await fetch(digestOf(second), [digestOf(first)])
    const last = all.at(-1)?.deltas.at(-1)?.first ?? 0
    bits[last >> 3] = 1 << (last & 7)
    expect(await fetch(digestOf(second), [digestOf(first)], bits)).toEqual(all.slice(-1))
  })

  test('are none against what they were not made for', async () => {
    expect(await fetch(digestOf(second), [digestOf(second)])).toEqual([])
    expect(await fetch(digestOf(first), [digestOf(second)])).toEqual([])
    expect(await fetch(digestOf(second), [])).toEqual([])
  })

  test.each([
    ['target', { target: none }],
    ['target', { target: Buffer.alloc(64) }],
    ['bases', { bases: Buffer.alloc(65 * 32) }],
  ])('cannot be asked for with a wrong %s', async (field, wrong) => {
    const request = { target: digestOf(second), bases: digestOf(first), wanted: none, ...wrong }
    await expect(
      collect(portal.as('agent:lab1').deltas.fetchDeltas(request)),
    ).rejects.toMatchObject({ reason: 'INVALID_FIELD', facts: { field } })
  })

  test('bring an agent that has the build before it the new one in fewer bytes', async () => {
    const [third, fourth] = [edited(first, 'third'), edited(first, 'fourth')]
    await makeFacilities(portal.as('admin'), 'lab1')
    await using agent = await freshAgent(portal, 'lab1')
    await publish(portal.as('producer'), 'debian-13', third)
    await pull(agent, 'debian-13')
    await publish(portal.as('producer'), 'debian-13', fourth)
    await prepared(3)
    const { local } = await pull(agent, 'debian-13')
    expect(local?.replica?.state).toBe(ReplicaState.REPLICA_STATE_PRESENT)
    expect(Number(local?.replica?.portalBytes)).toBeLessThan(fourth.length / 50)
    await agent.recorder.line('chunks that deltas made are compressed')
    const { store } = await agent.local.status({})
    expect(Number(store?.usedBytes)).toBeLessThan(fourth.length * 1.4)
    await collect(agent.local.verify({ reference: 'debian-13' }))
  })

  test('are compressed at once where there is little room', async () => {
    const [one, two] = [edited(first, 'one'), edited(first, 'two')]
    await makeFacilities(portal.as('admin'), 'lab3')
    await using agent = await freshAgent(portal, 'lab3', { flags: ['--most-bytes', '4500000'] })
    await publish(portal.as('producer'), 'rocky-9', one)
    await pull(agent, 'rocky-9')
    await publish(portal.as('producer'), 'rocky-9', two)
    await prepared(4)
    await pull(agent, 'rocky-9')
    const { store } = await agent.local.status({})
    expect(Number(store?.usedBytes)).toBeLessThan(two.length * 1.4)
    expect(agent.recorder.lines.map(({ msg }) => msg)).not.toContain(
      'chunks that deltas made are compressed',
    )
    await collect(agent.local.verify({ reference: 'rocky-9' }))
  })

  test('that are lost cost bytes and nothing else', async () => {
    const [fifth, sixth] = [edited(first, 'fifth'), edited(first, 'sixth')]
    await makeFacilities(portal.as('admin'), 'lab2')
    await using agent = await freshAgent(portal, 'lab2')
    await publish(portal.as('producer'), 'alma-9', fifth)
    await pull(agent, 'alma-9')
    await publish(portal.as('producer'), 'alma-9', sixth)
    await prepared(5)
    await portal.sql`
      update delta_object set key = 'deltas/gone' where key = (select max(key) from delta_object)`
    const { local } = await pull(agent, 'alma-9')
    expect(local?.replica?.state).toBe(ReplicaState.REPLICA_STATE_PRESENT)
    await agent.recorder.line('deltas failed; fetching chunks')
  })
})
