import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { CreateHoldsRequest, HoldKind } from '../../../proto/gen/merge/image/v1/hold.ts'
import type { Transaction } from '../../../services/db/open.ts'
import { holdImages } from '../../../services/holds/holding.ts'
import { lockImage, setStorage } from '../../../services/images/queries.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

/** Expires an image unless somebody holds it, as whoever expires images has to: its row first, then a look for holds. */
async function expire(tx: Transaction, name: string): Promise<boolean> {
  await lockImage(tx, name)
  const [row] = await tx<{ held: boolean }[]>`
    select exists (select from hold where image = ${name} and release_time is null) as held`
  if (row?.held !== false) return false
  await setStorage(tx, name, 'expired', { actor: 'test', reason: '' })
  return true
}

/** Waits until a connection waits for a lock of another one. */
async function waitForLock({ sql }: Portal): Promise<void> {
  for (;;) {
    const [row] = await sql<{ count: number }[]>`
      select count(*)::int from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    if ((row?.count ?? 0) > 0) return
  }
}

describe('between holding and expiring an image', () => {
  let portal: Portal
  let image = ''

  beforeAll(async () => {
    portal = await freshPortal()
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(async () => {
    image = await publish(portal.as('producer'), 'debian-13', randomBytes(100))
  })

  const hold = () =>
    portal.as('experimenter:bob').holds.createHolds(
      CreateHoldsRequest.create({
        ...{ requestId: randomUUID(), images: [image], reason: 'a paper' },
        kind: HoldKind.HOLD_KIND_ARTIFACT,
      }),
    )

  test('a hold that comes while it expires waits, and is refused', async () => {
    const holding = await portal.sql.begin(async (tx) => {
      await lockImage(tx, image)
      const held = hold().catch((error: unknown) => error)
      await waitForLock(portal)
      expect(await expire(tx, image)).toBe(true)
      return { held }
    })
    expect(await holding.held).toMatchObject({ reason: 'EXPIRED' })
  })

  test('an expiry that comes while it is held waits, and sees the hold', async () => {
    const terms = { images: [image], kind: 'artifact', reason: 'a', link: '', expireTime: null }
    const deps = { now: () => new Date(), newUlid: randomUUID }
    const caller = { name: 'admin', role: { kind: 'admin' } } as const
    const expiring = await portal.sql.begin(async (tx) => {
      await holdImages(tx, deps, { ...terms, kind: 'artifact' }, caller)
      const expired = portal.sql.begin((other) => expire(other, image))
      await waitForLock(portal)
      return { expired }
    })
    expect(await expiring.expired).toBe(false)
  })

  test('one of the two happens, whoever is first', async () => {
    for (let round = 0; round < 40; round++) {
      image = await publish(portal.as('producer'), 'debian-13', randomBytes(100))
      const [held, expired] = await Promise.allSettled([
        hold(),
        portal.sql.begin((tx) => expire(tx, image)),
      ])
      if (held.status === 'rejected') expect(held.reason).toMatchObject({ reason: 'EXPIRED' })
      const wasExpired = expired.status === 'fulfilled' && expired.value
      expect(wasExpired).toBe(held.status === 'rejected')
    }
  })
})
