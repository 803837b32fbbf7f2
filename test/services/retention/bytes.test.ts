import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { BeginUploadRequest, CommitHeader } from '../../../proto/gen/merge/image/v1/upload.ts'
import { commit } from '../../support/builds.ts'
import { chunksOf } from '../../support/chunks.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { chancesOf, commitOf, someOf, storeUnder } from '../../support/overlapping.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { age, going, retentionCalls } from '../../support/retention.ts'

describe('the bytes that a plan foretells', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let admin: ReturnType<typeof retentionCalls>

  beforeAll(async () => {
    const settings = ['--collect-every', '0', '--collect-grace', '0', '--undelete', '7d']
    portal = await freshPortal(undefined, undefined, settings)
    producer = portal.as('producer:alice')
    admin = retentionCalls(portal.as('admin'))
    await makeFacilities(portal.as('admin'), 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const publish = async (target: string, chunks: ReturnType<typeof chunksOf>, days: number) => {
    const uploadId = await storeUnder(producer, target, chunks)
    const name = await commitOf(producer, uploadId, chunks)
    await age(portal.sql, name, days)
    return name
  }
  const collect = () => portal.as('admin').storage.collect({ validateOnly: false })
  const sizeOf = (chunks: ReturnType<typeof chunksOf>) =>
    BigInt(chunks.reduce((sum, { entry }) => sum + entry.storedBytes, 0))
  const carryOut = async (pattern: string) => {
    const run = await admin.plan(pattern)
    await admin.apply(run)
    return admin.ended(run.id)
  }

  test('are those of the chunks that nothing else needs, each once, and an image’s own of those that only it needs', async () => {
    const all = chunksOf('shared', 30)
    const [a, b, c, d] = [all.slice(0, 10), all.slice(5, 15), all.slice(10, 20), all.slice(18, 30)]
    const [first, second, same, , other] = [
      await publish('debian-13-std-x86', a, 90),
      await publish('debian-13-std-x86', b, 80),
      // The same content as the first, and another image of another line that stays.
      await publish('debian-13-std-x86', d, 70),
      await publish('debian-13-std-x86', c, 0),
      await publish('fedora-43-std-x86', d, 70),
    ]
    await admin.put({ name: 'std', pattern: 'debian-13-*-*', keepNewest: 1, expireAfterDays: 30 })
    const run = await admin.plan('debian-*-*-*')
    const items = await admin.items(run.id)
    expect(Object.keys(going(items)).toSorted()).toEqual([first, second, same].toSorted())
    // a and b together without c and d: the first ten chunks; d stays with the image of fedora.
    expect(run.freedBytes).toEqual([{ place: 'portal', bytes: sizeOf(all.slice(0, 10)) }])
    expect(run.totalBytes).toBe(sizeOf(all))
    const own = (name: string) => items.find(({ image }) => image === name)?.ownBytes
    expect(own(first)).toEqual([{ place: 'portal', bytes: sizeOf(all.slice(0, 5)) }])
    expect(own(second)).toEqual([])
    expect(own(same)).toEqual([])
    await admin.apply(run)
    await admin.ended(run.id)
    expect((await collect()).condemnedBytes).toBe(sizeOf(all.slice(0, 10)))
    await portal.sql`update chunk set condemn_time = condemn_time - interval '8 days'`
    expect((await collect()).deletedBytes).toBeGreaterThan(0n)
    expect((await producer.images.getImage({ name: other })).image?.name).toBe(other)
    await admin.remove('std')
  })

  test('are what the collector condemns, whatever images share', async () => {
    const chance = chancesOf('worlds')
    for (let world = 0; world < 5; world++) {
      const line = ['rocky-9-std-x86', 'rocky-10-std-x86', 'alma-9-std-x86'][world % 3] ?? ''
      const pool = chunksOf(`world ${world}`, 60)
      for (let i = 0; i < 8; i++) {
        await publish(line, someOf(pool, 5 + Math.floor(chance() * 40), chance), 100 - i * 10)
      }
      await admin.put({ name: 'worlds', pattern: line, keepNewest: 2, expireAfterDays: 45 })
      const [foretold] = (await carryOut(line)).freedBytes
      const { condemnedBytes } = await collect()
      expect(condemnedBytes).toBeGreaterThan(0n)
      expect(foretold).toEqual({ place: 'portal', bytes: condemnedBytes })
      expect((await collect()).condemnedBytes).toBe(0n)
      await admin.remove('worlds')
    }
  })

  test('are a facility’s for its own images, as much as it says that each takes', async () => {
    const agent = portal.as('agent:lab1')
    const target = 'lab1/debian-13-tools'
    const names: string[] = []
    for (const storedBytes of [3000n, 5000n]) {
      const custom = { days: 1, shared: false }
      const begin = BeginUploadRequest.create({ requestId: randomUUID(), target, custom })
      const uploadId = (await agent.uploads.beginUpload(begin)).upload?.id ?? ''
      const header = { requestId: randomUUID(), uploadId, release: true, storedBytes }
      const data = Buffer.from(`custom ${storedBytes}`)
      names.push((await commit(agent, CommitHeader.create(header), data)).name)
    }
    await admin.put({ name: 'own', pattern: 'lab1/*-*-*-*', capBytes: 6000n })
    const run = await admin.plan('lab1/*-*-*-*')
    expect(going(await admin.items(run.id))).toEqual({ [names[0] ?? '']: 'expire' })
    expect(run).toMatchObject({ freedBytes: [{ place: 'lab1', bytes: 3000n }], totalBytes: 8000n })
    const [item] = await admin.items(run.id)
    expect(item?.ownBytes).toEqual([{ place: 'lab1', bytes: 3000n }])
    expect((await admin.explain(names[0] ?? '')).message).toContain('take more than 6000 bytes')
  })
})
