import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  CreateLockRequest,
  LockNode,
  PinState,
  type Lock,
  type LockedNode,
} from '../../../proto/gen/merge/image/v1/resolver.ts'
import { publish, restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
let producer: Clients
let experimenter: Clients
const data = randomBytes(1000)

beforeAll(async () => {
  portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
  producer = portal.as('producer')
  experimenter = portal.as('experimenter:erin')
})

afterAll(() => portal[Symbol.asyncDispose]())

const node = (name: string, reference: string): LockNode => ({ node: name, reference, arch: '' })

/** A lock on these nodes. */
async function lockOf(...nodes: LockNode[]): Promise<Lock> {
  const request = CreateLockRequest.create({ requestId: randomUUID(), nodes })
  const { lock } = await experimenter.resolver.createLock(request)
  if (lock === undefined) throw new Error('an answer without a lock')
  return lock
}

describe('what a lock pins', () => {
  let lock: Lock
  const pinned: Record<string, string> = {}

  const verify = (nodes: LockedNode[] = lock.nodes) => experimenter.resolver.verifyLock({ nodes })

  /** What became of each node's image. */
  const states = async () => {
    const { nodes } = await verify()
    return Object.fromEntries(
      nodes.map((one) => [
        one.node?.node ?? '',
        { state: one.state, replacement: one.replacement },
      ]),
    )
  }

  const good = { state: PinState.PIN_STATE_GOOD, replacement: '' }

  beforeAll(async () => {
    const targets = { db: 'fedora-43', edge: 'fedora-44', log: 'kali-2025', web: 'kali-2026' }
    for (const [name, target] of Object.entries(targets)) {
      pinned[name] = await publish(producer, target, data)
    }
    lock = await lockOf(
      node('db', 'fedora-43'),
      node('edge', 'fedora-44'),
      node('log', pinned['log'] ?? ''),
      node('web', 'kali'),
    )
  })

  test('can all be used at first', async () => {
    const { nodes, usable } = await verify()
    expect(usable).toBe(true)
    expect(nodes.map((one) => one.node)).toEqual(lock.nodes)
    expect(await states()).toEqual({ db: good, edge: good, log: good, web: good })
  })

  test('stays usable when it is deprecated, and says what to use instead', async () => {
    const { db = '' } = pinned
    const newer = await publish(producer, 'fedora-43', data)
    await restate(portal.sql, db, { state: 'deprecated', replacement: newer })
    const { nodes, usable } = await verify()
    expect(usable).toBe(true)
    expect(nodes[0]).toMatchObject({
      state: PinState.PIN_STATE_DEPRECATED,
      replacement: newer,
      message: `${db} is deprecated and still works: use ${newer} instead when you can.`,
    })
  })

  test('is not usable when one is revoked, expired or archived', async () => {
    await restate(portal.sql, pinned['edge'] ?? '', { state: 'revoked' })
    await restate(portal.sql, pinned['log'] ?? '', { storage: 'expired' })
    await restate(portal.sql, pinned['web'] ?? '', { storage: 'archived' })
    expect(await verify()).toMatchObject({ usable: false })
    expect(await states()).toMatchObject({
      db: { state: PinState.PIN_STATE_DEPRECATED },
      edge: { state: PinState.PIN_STATE_REVOKED },
      log: { state: PinState.PIN_STATE_EXPIRED },
      web: { state: PinState.PIN_STATE_ARCHIVED },
    })
  })

  test('says of an exact name that no upgrade leads away from it', async () => {
    const messages = (await verify()).nodes.map(({ message }) => message)
    expect(messages[1]).toMatch(/must not be used: upgrade this node\.$/)
    expect(messages[2]).toMatch(/its bytes are gone: give this node another reference\.$/)
    expect(messages[3]).toMatch(/restore it, or upgrade this node\.$/)
  })

  test('is in the lock as it was', async () => {
    expect(await experimenter.resolver.getLock({ lock: lock.id })).toEqual({ lock })
  })

  test('is upgraded node by node to what the references mean now', async () => {
    const web = await publish(producer, 'kali-2026', data)
    const { nodes } = await experimenter.resolver.upgradeLock({ nodes: lock.nodes, facility: '' })
    const [db, edge, log, newWeb] = nodes
    expect(nodes.map((one) => one.node)).toEqual(lock.nodes)
    expect(db).toMatchObject({ changed: true, image: expect.stringMatching(/^fedora-43.*\.1$/) })
    expect(edge).toMatchObject({ changed: false, image: '', failure: { reason: 'NO_MATCH' } })
    expect(log).toMatchObject({ image: '', failure: { reason: 'EXPIRED' } })
    expect(newWeb).toMatchObject({ changed: true, image: web, failure: undefined })
    expect(await experimenter.resolver.getLock({ lock: lock.id })).toEqual({ lock })
  })

  test('by an exact name stays what it is, however many newer ones there are', async () => {
    const name = await publish(producer, 'rocky-10', data)
    const { nodes } = await lockOf(node('a', name))
    await publish(producer, 'rocky-10', data)
    const upgraded = await experimenter.resolver.upgradeLock({ nodes, facility: '' })
    expect(upgraded.nodes).toMatchObject([{ image: name, changed: false }])
  })
})

describe('a pin from a file', () => {
  const pin = (image: string, digest: string): LockedNode => ({
    ...node('a', 'debian'),
    image,
    digest,
  })
  const verify = async (image: string, digest: string) => {
    const { nodes, usable } = await experimenter.resolver.verifyLock({
      nodes: [pin(image, digest)],
    })
    return { ...nodes[0], usable }
  }

  test.each([
    ['debian-13.0-std-x86-20200101', /^This portal has no image debian-13/],
    ['debian-13', /^"debian-13" is no exact image name: /],
    ['', /^"" is no exact image name: /],
    ['debian-13.0-std-x86-20260231', /20260231 is no day of the calendar; upgrade this node/],
    ['\u0000', /^"\?" is no exact image name: /],
  ])('is missing where it names %j', async (image, message) => {
    expect(await verify(image, '')).toMatchObject({
      usable: false,
      state: PinState.PIN_STATE_MISSING,
      message: expect.stringMatching(message),
    })
  })

  test.each([
    [`sha256:${'0'.repeat(64)}`, 'the lock pins sha256:000'],
    ['', 'what the lock pins is no digest'],
  ])('is not what it was where it has the digest %j', async (digest, message) => {
    const name = await publish(producer, 'debian-12', data)
    expect(await verify(name, digest)).toMatchObject({
      usable: false,
      state: PinState.PIN_STATE_DIGEST_MISMATCH,
      message: expect.stringContaining(message),
    })
  })

  test('goes with 9,999 others at most', async () => {
    const nodes = Array.from({ length: 10_001 }, () => pin('debian', ''))
    const told = { reason: 'INVALID_FIELD', facts: { field: 'nodes' } }
    const { resolver } = experimenter
    await expect(resolver.verifyLock({ nodes })).rejects.toMatchObject(told)
    await expect(resolver.upgradeLock({ nodes, facility: '' })).rejects.toMatchObject(told)
  })
})
