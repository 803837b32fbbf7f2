import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { parseImageName } from '../../../lib/names/name.ts'
import { CreateLockRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { BeginUploadRequest, CommitHeader } from '../../../proto/gen/merge/image/v1/upload.ts'
import { ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import { expireImage } from '../../../services/images/expiring.ts'
import { lockFamily } from '../../../services/images/family.ts'
import { needsOf } from '../../../services/needs/guard.ts'
import { readNeeds } from '../../../services/needs/needs.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { checks, claim, commit, finish, putRecipe, run } from '../../support/builds.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { publish, storeMessages } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const lines = ['debian-12', 'debian-13', 'fedora-43', 'rocky-9', 'rocky-10', 'alma-9'].flatMap(
  (release) => ['x86', 'aarch64', 'riscv64'].map((arch) => `${release}-std-${arch}`),
)

describe('what needs an image', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let admin: Clients
  let [older, newer, line] = ['', '', '']

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer:alice')
    admin = portal.as('admin')
    await makeFacilities(admin, 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  beforeEach(async () => {
    line = lines.pop() ?? ''
    older = await publish(producer, line, randomBytes(1000))
    newer = await publish(producer, line, randomBytes(1000))
  })

  const aliases = () => aliasCalls(producer)
  const word = () => `a${randomUUID().slice(0, 8)}`
  const lock = (reference: string) =>
    producer.resolver.createLock(
      CreateLockRequest.create({
        requestId: randomUUID(),
        nodes: [{ node: 'a', reference, arch: '' }],
        reason: 'a paper',
      }),
    )
  const child = async (parent: string, target: string, release = true) => {
    const data = randomBytes(1000)
    const begin = BeginUploadRequest.create({ requestId: randomUUID(), target })
    const uploadId = (await producer.uploads.beginUpload(begin)).upload?.id ?? ''
    await producer.chunks.storeChunks(storeMessages(uploadId, data))
    const header = { requestId: randomUUID(), uploadId, parent, release }
    return (await commit(producer, CommitHeader.create(header), data)).name
  }
  const kinds = async (name: string) =>
    portal.sql.begin(async (tx) => {
      await lockFamily(tx, parseImageName(name))
      return (await needsOf(tx, name, new Date())).map((need) => `${need.kind} ${need.name}`)
    })

  /** Resolves once so many connections wait for a lock. */
  async function untilWaiting(): Promise<'waits'> {
    for (;;) {
      const [row] = await portal.sql<{ waiting: bigint }[]>`
        select count(distinct pid) as waiting from pg_locks
        where not granted and pid in (
          select pid from pg_stat_activity where datname = current_database())`
      if (Number(row?.waiting) > 0) return 'waits'
    }
  }

  /** What becomes of a call that comes while an image is being expired that nothing needed so far. */
  async function overtaken(call: () => Promise<unknown>): Promise<string> {
    const begun: Promise<string>[] = []
    await portal.sql.begin(async (tx) => {
      const image = parseImageName(older)
      await lockFamily(tx, image)
      expect(await needsOf(tx, older, new Date())).toEqual([])
      const answer = call().then(
        () => 'done',
        (error: unknown) => String((error as { reason?: unknown }).reason),
      )
      begun.push(answer)
      expect(await Promise.race([answer, untilWaiting()])).toBe('waits')
      const standing = { name: older, image, storage: 'present', custom: false } as const
      await expireImage(tx, standing, { actor: 'test', reason: 'nobody needs it' })
    })
    return (await begun[0]) ?? ''
  }

  test('is that it is the newest released of its line, and nothing for others', async () => {
    expect(await kinds(newer)).toEqual([`line ${line}`])
    expect(await kinds(older)).toEqual([])
  })

  test('is a hold, told once for all of an image', async () => {
    await lock(older)
    await lock(older)
    const [need] = (await readNeeds(portal.sql, new Date(), [older])).get(older) ?? []
    expect(need).toMatchObject({ kind: 'hold', until: undefined })
    expect(need?.message).toBe('2 holds, the newest by producer:alice: a paper')
    await portal.sql`update hold set expire_time = '2030-01-01' where image = ${older}`
    const later = (await readNeeds(portal.sql, new Date(), [older])).get(older)
    expect(later?.[0]?.until).toEqual(new Date('2030-01-01'))
    expect((await readNeeds(portal.sql, new Date('2030-01-02'), [older])).get(older)).toBe(
      undefined,
    )
    await portal.sql`update hold set release_time = now() where image = ${older}`
    expect(await kinds(older)).toEqual([])
  })

  test('is an alias, where it points and where a roll-back leads', async () => {
    const alias = word()
    await aliases().set(alias, older)
    expect(await kinds(older)).toEqual([`alias ${alias}`])
    await aliases().set(alias, newer)
    expect(await kinds(older)).toEqual([`alias ${alias}`])
    await aliases().remove(alias)
    expect(await kinds(older)).toEqual([])
  })

  test('is a facility that should have it, and one that fetches it', async () => {
    await push(admin, 'lab1', older)
    expect(await kinds(older)).toEqual(['facility lab1'])
    await portal.sql`delete from want where image = ${older}`
    await portal.sql`
      insert into replica (facility, image, state, total_bytes, peer_bytes, portal_bytes, error)
      values ('lab1', ${older}, ${ReplicaState.REPLICA_STATE_FETCHING}, 0, 0, 0, '')`
    expect(await kinds(older)).toEqual(['transfer lab1'])
    const state = ReplicaState.REPLICA_STATE_PRESENT
    await portal.sql`update replica set state = ${state} where image = ${older}`
    expect(await kinds(older)).toEqual([])
  })

  test('is that its bytes are on their way', async () => {
    await portal.sql`
      insert into move (image, kind, lease, actor, reason)
      values (${older}, 'archive', ${randomUUID()}, 'admin', '')`
    expect(await kinds(older)).toEqual(['transfer archive'])
  })

  test('is a build that is made of it or compared with it, until it ends', async () => {
    const recipe = word()
    await putRecipe(producer, recipe, { line, parent: older })
    const build = await run(producer, recipe)
    expect(await kinds(older)).toEqual([`build ${build}`])
    const archs = [line.split('-')[3] ?? '']
    const builder = portal.as('agent:portal')
    const claimed = await claim(builder, { archs })
    const made = await finish(builder, claimed, randomBytes(1000), { checks: checks() })
    expect(await kinds(older)).toEqual([])
    const next = await run(producer, recipe)
    expect(await kinds(made.name)).toContain(`build ${next}`)
    await producer.builds.cancelBuild({ requestId: randomUUID(), name: next })
  })

  test('is what was made of it, however far down, if something needs that', async () => {
    const middle = await child(older, line, false)
    const last = await child(middle, line, false)
    expect(await kinds(older)).toEqual([])
    await portal.sql`
      insert into hold (id, image, kind, owner, reason, link)
      values (${randomUUID()}, ${last}, 'person', 'bob', '', '')`
    expect(await kinds(older)).toEqual([`descendant ${last}`])
    expect(await kinds(middle)).toEqual([`descendant ${last}`])
  })

  test('is the newest of another line that was made of it', async () => {
    const other = line.replace('-std-', '-hypervisor-')
    const made = await child(older, other)
    expect(await kinds(older)).toEqual([`descendant ${made}`])
  })

  test('of an image that is being expired comes too late, and is told so', async () => {
    expect(await overtaken(() => lock(older))).toBe('EXPIRED')
    await expect(aliases().set(word(), older)).rejects.toMatchObject({ reason: 'WRONG_STATE' })
  })

  test('an alias that is to point at an image waits for its expiry', async () => {
    expect(await overtaken(() => aliases().set(word(), older))).toBe('WRONG_STATE')
  })

  test('so does a push to a facility', async () => {
    expect(await overtaken(() => push(admin, 'lab1', older))).toBe('EXPIRED')
  })

  test('so does an upload of what was made of it', async () => {
    const other = line.replace('-std-', '-vte-')
    expect(await overtaken(() => child(older, other))).toBe('done')
  })

  test('so does a build of what is made of it', async () => {
    const recipe = word()
    await putRecipe(producer, recipe, { line, parent: older })
    expect(await overtaken(() => run(producer, recipe))).toBe('done')
  })

  test('so does a build that would be compared with it', async () => {
    const recipe = word()
    await putRecipe(producer, recipe, { line })
    await run(producer, recipe)
    const builder = portal.as('agent:portal')
    const claimed = await claim(builder, { archs: [line.split('-')[3] ?? ''] })
    older = (await finish(builder, claimed, randomBytes(1000), { checks: checks() })).name
    await publish(producer, line, randomBytes(1000))
    expect(await overtaken(() => run(producer, recipe))).toBe('done')
  })

  test('so does a hold of what was made of it', async () => {
    const made = await child(older, line, false)
    await publish(producer, line, randomBytes(1000))
    await portal.sql`update image set state = 'deprecated' where name = ${made}`
    expect(await overtaken(() => lock(made))).toBe('done')
  })

  test('so does a child of what was made of it', async () => {
    const other = line.replace('-std-', '-portalvte-')
    const middle = await child(older, other, false)
    expect(await overtaken(() => child(middle, other, false))).toBe('done')
  })
})
