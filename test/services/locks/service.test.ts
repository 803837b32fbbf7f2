import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  CreateLockRequest,
  LockNode,
  type Lock,
} from '../../../proto/gen/merge/image/v1/resolver.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish, restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
let producer: Clients
let experimenter: Clients
const now = new Date('2026-06-15T12:00:00Z')
const data = randomBytes(1000)

beforeAll(async () => {
  portal = await freshPortal(() => now)
  producer = portal.as('producer')
  experimenter = portal.as('experimenter:erin')
  await makeFacilities(portal.as('admin'), 'lab1')
})

afterAll(() => portal[Symbol.asyncDispose]())

const node = (name: string, reference: string, arch = ''): LockNode => ({
  node: name,
  reference,
  arch,
})

const create = (nodes: LockNode[], more: Partial<CreateLockRequest> = {}) =>
  experimenter.resolver.createLock(
    CreateLockRequest.create({ requestId: randomUUID(), nodes, ...more }),
  )

/** A lock on these nodes. */
async function lockOf(...nodes: LockNode[]): Promise<Lock> {
  const { lock } = await create(nodes)
  if (lock === undefined) throw new Error('an answer without a lock')
  return lock
}

const locks = async () => (await portal.sql`select id from lock`).length

describe('a lock', () => {
  let ubuntu: string
  let debian: string
  let arm: string

  beforeAll(async () => {
    ubuntu = await publish(producer, 'ubuntu-2404.4', data)
    debian = await publish(producer, 'debian-13', data)
    arm = await publish(producer, 'debian-13-aarch64', data)
  })

  test('pins what each reference means, its nodes by name', async () => {
    const { lock, warnings } = await create(
      [node('b', 'trixie'), node('B', 'debian-13', 'arm64'), node('a', 'ubuntu')],
      { reason: 'CS 101', link: 'https://example.org/cs101' },
    )
    const digestOf = async (name: string) =>
      (await producer.images.getImage({ name })).image?.digest
    expect(lock).toMatchObject({
      id: expect.stringMatching(/^[0-9A-Z]{26}$/),
      createTime: now,
      owner: 'experimenter:erin',
      reason: 'CS 101',
      link: 'https://example.org/cs101',
      nodes: [
        { node: 'B', reference: 'debian-13', arch: 'arm64', image: arm },
        { node: 'a', reference: 'ubuntu', arch: '', image: ubuntu },
        { node: 'b', reference: 'trixie', image: debian, digest: await digestOf(debian) },
      ],
    })
    expect(warnings).toEqual([])
  })

  test('is kept as it was answered, at the generation that it was resolved at', async () => {
    const lock = await lockOf(node('ü "b" \\ {x}', 'debian'), node('NULL', 'ubuntu'))
    expect(await experimenter.resolver.getLock({ lock: lock.id })).toEqual({ lock })
    expect(await experimenter.resolver.getLock({ lock: lock.id.toLowerCase() })).toEqual({ lock })
    const { generation } = await producer.catalog.listDistros({})
    expect(lock.generation).toBe(generation)
  })

  test('holds each of its images once', async () => {
    const { lock } = await create(
      [node('a', 'debian-13'), node('b', 'trixie'), node('c', 'ubuntu')],
      { reason: 'a paper', link: 'doi:10.1/2' },
    )
    const holds = await portal.sql`
      select image, kind, owner, reason, link, expire_time, release_time from hold
      where lock = ${lock?.id ?? ''} order by image`
    const held = { kind: 'lock', owner: 'experimenter:erin', reason: 'a paper', link: 'doi:10.1/2' }
    const standing = { expireTime: null, releaseTime: null }
    expect([...holds]).toEqual([
      { image: debian, ...held, ...standing },
      { image: ubuntu, ...held, ...standing },
    ])
  })

  test('is made once by a request that is sent twice, though the image was revoked meanwhile', async () => {
    const name = await publish(producer, 'alma-9', data)
    const requestId = randomUUID()
    const first = await create([node('a', 'alma')], { requestId })
    const before = await locks()
    await restate(portal.sql, name, { state: 'revoked' })
    expect(await create([node('a', 'alma')], { requestId })).toEqual(first)
    expect(await locks()).toBe(before)
    await expect(create([node('b', 'alma')], { requestId })).rejects.toMatchObject({
      reason: 'REQUEST_ID_REUSED',
    })
  })

  test('says with the name of the node what people should know', async () => {
    const name = await publish(producer, 'rocky-9', data)
    await restate(portal.sql, name, { state: 'deprecated' })
    const { warnings } = await create([node('db', name), node('web', 'debian13')])
    expect(warnings).toEqual([{ node: 'db', code: 'DEPRECATED', message: `${name} is deprecated` }])
  })

  test('has 10,000 nodes at most, and is made of as many', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => node(`n${i}`, 'debian-13'))
    const lock = await lockOf(...many)
    expect(new Set(lock.nodes.map(({ image }) => image))).toEqual(new Set([debian]))
    expect(lock.nodes.map((one) => one.node)).toEqual(many.map((one) => one.node).sort())
    const answer = await experimenter.resolver.verifyLock({ nodes: lock.nodes })
    expect(answer).toMatchObject({ usable: true })
    await expect(create([...many, node('x', 'debian-13')])).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'nodes' },
    })
  })

  test.each([
    ['has no nodes', [], {}],
    ['has a node without a name', [node('', 'debian')], { node: '' }],
    ['has a name of two lines', [node('a\nb', 'debian')], { node: 'a\nb' }],
    ['has a name too long', [node('x'.repeat(256), 'debian')], { node: 'x'.repeat(256) }],
    ['has a name twice', [node('b', 'debian'), node('a', 'x'), node('b', 'ubuntu')], { node: 'b' }],
  ])('that %s is refused', async (_, nodes, facts) => {
    const before = await locks()
    await expect(create(nodes)).rejects.toMatchObject({
      kind: 'invalid',
      reason: 'INVALID_FIELD',
      facts: { field: 'nodes', ...facts },
    })
    expect(await locks()).toBe(before)
  })

  test('may have names of 255 characters in any script', async () => {
    const names = ['é'.repeat(255), '節'.repeat(255), '🌲'.repeat(255)]
    const lock = await lockOf(...names.map((name) => node(name, 'debian')))
    expect(lock.nodes.map((one) => one.node)).toEqual(names.toSorted())
  })

  test('of a reference that fails is not made, and the first such node is named', async () => {
    const before = await locks()
    const nodes = [node('c', 'windows'), node('b', 'debian-99'), node('a', 'ubuntu'), node('d', '')]
    await expect(create(nodes)).rejects.toMatchObject({
      kind: 'invalid',
      reason: 'UNKNOWN_RELEASE',
      message: expect.stringMatching(/^Node "b": .*debian.*; 2 other nodes fail too\.$/i),
      facts: { node: 'b', known: expect.any(String) },
    })
    await expect(create([node('a', 'fedora-42')])).rejects.toMatchObject({
      kind: 'missing',
      reason: 'NO_MATCH',
      message: expect.not.stringContaining('other'),
    })
    expect(await locks()).toBe(before)
  })

  test('of an architecture that there is none of names the node', async () => {
    await expect(create([node('a', 'debian', 'pdp11')])).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { node: 'a' },
    })
  })

  test('at a facility that is not there is no fault of a node', async () => {
    const told = { reason: 'FACILITY_NOT_FOUND', message: expect.not.stringContaining('Node') }
    await expect(create([node('a', 'debian')], { facility: 'lab9' })).rejects.toMatchObject(told)
    const upgrade = experimenter.resolver.upgradeLock({
      nodes: [{ ...node('a', 'debian'), image: debian, digest: '' }],
      facility: 'lab9',
    })
    await expect(upgrade).rejects.toMatchObject(told)
  })

  test.each(['', 'images.lock', '01KV2ZJX5T8Q4N6R0W3Y7B9C1D', '\u0000'])(
    'with the id %j is not there',
    async (id) => {
      await expect(experimenter.resolver.getLock({ lock: id })).rejects.toMatchObject({
        kind: 'missing',
        reason: 'LOCK_NOT_FOUND',
      })
    },
  )
})
