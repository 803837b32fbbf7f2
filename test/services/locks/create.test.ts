import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { CreateLockRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { createLock } from '../../../services/locks/create.ts'
import { makeResolver, type Resolver } from '../../../services/resolver/resolving.ts'
import { openSources } from '../../../services/resolver/sources.ts'
import { publish, restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('between resolving a reference and keeping what it means', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let real: Resolver
  let older: string
  let newer: string
  const now = () => new Date('2026-06-15T12:00:00Z')

  beforeAll(async () => {
    portal = await freshPortal(now)
    producer = portal.as('producer')
    real = makeResolver(openSources(portal.sql), now)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(async () => {
    older = await publish(producer, 'debian-13', randomBytes(1000))
    newer = await publish(producer, 'debian-13', randomBytes(1000))
  })

  const change = (name: string, as: { state?: string; storage?: string }) =>
    restate(portal.sql, name, as)

  /** Makes a lock; after each resolution the next of these things happens. */
  async function create(
    reference: string,
    then: readonly (() => Promise<void>)[] = [],
    newUlid: () => string = ulid,
  ) {
    const next = then.values()
    const resolver: Resolver = {
      async resolveMany(asks) {
        const answers = await real.resolveMany(asks)
        await next.next().value?.()
        return answers
      },
    }
    const request = CreateLockRequest.create({
      requestId: randomUUID(),
      nodes: [{ node: 'a', reference, arch: '' }],
    })
    const caller = { name: 'experimenter', role: { kind: 'experimenter' } } as const
    const deps = { sql: portal.sql, now, newUlid, resolver }
    const { lock } = await createLock(deps, request, caller)
    return lock?.nodes.map(({ image }) => image)
  }

  test('nothing happens as a rule', async () => {
    expect(await create('debian-13')).toEqual([newer])
  })

  test.each([{ state: 'revoked' }, { storage: 'expired' }])(
    'the image can become %j: then the reference is resolved once more',
    async (as) => {
      expect(await create('debian-13', [() => change(newer, as)])).toEqual([older])
    },
  )

  test('the only image that will do can be revoked: then it is refused', async () => {
    await expect(create(newer, [() => change(newer, { state: 'revoked' })])).rejects.toMatchObject({
      kind: 'precondition',
      reason: 'REVOKED',
      facts: { node: 'a' },
    })
  })

  test('an archived image is not pinned, and the error says how to bring it back', async () => {
    await change(newer, { storage: 'archived' })
    await expect(create(newer)).rejects.toMatchObject({
      reason: 'ARCHIVED',
      message: `Node "a": ${newer} is in the archive: "mrg-image restore ${newer}" brings it back.`,
    })
    expect(await create('debian-13')).toEqual([older])
  })

  test('one image after the other can be revoked: then it is given up, and nothing is kept', async () => {
    const before = await portal.sql`select id from lock`
    await expect(
      create('debian-13', [
        () => change(newer, { state: 'revoked' }),
        () => change(older, { state: 'revoked' }),
      ]),
    ).rejects.toMatchObject({
      reason: 'REVOKED',
      message: `Node "a": ${older} was revoked just now.`,
      facts: { node: 'a' },
    })
    expect(await portal.sql`select id from lock`).toHaveLength(before.length)
  })

  test('a change that makes it no less usable does no harm', async () => {
    const deprecate = () => change(newer, { state: 'deprecated' })
    expect(await create('debian-13', [deprecate])).toEqual([newer])
  })

  test('while it is kept, nobody withdraws the image', async () => {
    const before = (await portal.sql`select id from lock`).length
    // Its transaction is open already, so that its change comes at once unless something holds it up.
    await portal.sql.begin(async (tx) => {
      await tx`select 1`
      const withdraw = async () => {
        await tx`update image set state = 'revoked' where name = ${newer}`
        return (await tx`select id from lock`).length
      }
      let seen: Promise<number> | undefined
      const newUlid = () => {
        seen ??= withdraw()
        return ulid()
      }
      expect(await create('debian-13', [], newUlid)).toEqual([newer])
      expect(await seen).toBe(before + 1)
    })
  })
})
