import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinDigests, splitDigests, type Digest } from '../../lib/content/digest.ts'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { chunksOf, digestsOf, type Chunk } from '../support/chunks.ts'
import {
  chancesOf,
  commitOf,
  expire,
  fetchRight,
  someOf,
  storeUnder,
} from '../support/overlapping.ts'
import { clientsAs, freshPortal, type Clients } from '../support/portal.ts'

const seed = process.env['SEED'] ?? '20261124'
const pool = chunksOf(`collection ${seed}`, 150, 3000)
const lines = ['debian-12', 'debian-13', 'fedora-43', 'rocky-9', 'kali-2026', 'alma-10']
const lineOf = (i: number): string => lines[i % lines.length] ?? ''

describe('a portal that collects all the time, without grace', () => {
  const uploads = Number(process.env['UPLOADS'] ?? 1000)
  const cycles = Number(process.env['CYCLES'] ?? 500)
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    const noGrace = ['--collect-every', '0', '--collect-grace', '0', '--undelete', '0']
    portal = await freshPortal(undefined, undefined, noGrace)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  test(`loses no chunk and fails no client in ${uploads} uploads and ${cycles} cycles`, async () => {
    const chance = chancesOf(seed)
    const [producer, reader, admin] = ['producer', 'experimenter', 'admin'].map(portal.as)
    if (!producer || !reader || !admin) throw new Error('three clients are missing')
    const images = new Map<string, { digests: Digest[]; readers: number }>()
    const count = { committed: 0, aborted: 0, abandoned: 0, expired: 0, reads: 0, lost: 0 }
    const sums = { cycles: 0, condemned: 0, revived: 0, deleted: 0, packs: 0, rewritten: 0 }
    let [begun, ended, uploading] = [0, 0, true]

    const upload = async (): Promise<void> => {
      while (begun < uploads) {
        // Side by side to the end: neither gets ahead of the other.
        if (begun > (sums.cycles + 10) * (uploads / cycles)) {
          await sleep(2)
          continue
        }
        const i = begun++
        const chunks = someOf(pool, 5 + Math.floor(chance() * 25), chance)
        const id = await storeUnder(producer, lineOf(i), chunks)
        const fate = chance()
        if (fate < 0.6) {
          const name = await commitOf(producer, id, chunks)
          images.set(name, { digests: digestsOf(chunks), readers: 0 })
          count.committed++
        } else if (fate < 0.8) {
          await producer.uploads.abortUpload({ requestId: '', uploadId: id })
          count.aborted++
        } else {
          await portal.sql`update upload set expire_time = now() where id = ${id}`
          count.abandoned++
        }
        ended++
      }
    }
    const read = async (): Promise<void> => {
      while (uploading) {
        const all = [...images.values()]
        const image = all[Math.floor(chance() * all.length)]
        if (image === undefined) await sleep(10)
        else {
          image.readers++
          count.lost += image.digests.length - (await fetchRight(reader, image.digests))
          image.readers--
          count.reads++
          await sleep(10)
        }
      }
    }
    const age = async (): Promise<void> => {
      while (uploading) {
        const old = [...images].find(([, { readers }]) => readers === 0)
        if (old === undefined || images.size < 12) await sleep(10)
        else {
          images.delete(old[0])
          await expire(portal.sql, old[0])
          count.expired++
        }
      }
    }
    const collect = async (): Promise<void> => {
      while (uploading || sums.cycles < cycles) {
        const done = await admin.storage.collect({ validateOnly: false })
        sums.cycles++
        sums.condemned += Number(done.condemnedChunks)
        sums.revived += Number(done.revivedChunks)
        sums.deleted += Number(done.deletedChunks)
        sums.packs += Number(done.deletedPacks)
        sums.rewritten += Number(done.rewrittenPacks)
      }
    }
    const collecting = collect()
    const others = Promise.all([read(), read(), age()])
    try {
      await Promise.all(Array.from({ length: 4 }, upload))
    } finally {
      uploading = false
    }
    await Promise.all([collecting, others])
    for (const { digests } of images.values()) {
      count.lost += digests.length - (await fetchRight(reader, digests))
    }
    process.stdout.write(`${JSON.stringify({ ...count, ...sums, uploads: ended, seed })}\n`)
    expect(ended).toBe(uploads)
    expect(count.lost).toBe(0)
    expect(sums.cycles).toBeGreaterThanOrEqual(cycles)
    for (const each of [sums.revived, sums.deleted, sums.packs, sums.rewritten, count.reads]) {
      expect(each).toBeGreaterThan(0)
    }
  }, 300_000)

  test('keeps nothing in the end but what images name', async () => {
    const { storage } = portal.as('admin')
    await portal.sql`update upload set expire_time = now() where state = 'open'`
    for (let i = 0; i < 3; i++) await storage.collect({ validateOnly: false })
    const [rows] = await portal.sql`
      select (select count(*)::int from chunk where not exists (
        select from manifest_chunk where chunk = chunk.id)) as dead,
        (select count(*)::int from lease) as leases`
    expect(rows).toMatchObject({ dead: 0, leases: 0 })
    const packs = await portal.sql<{ key: string }[]>`select key from pack order by key`
    const files = await readdir(join(portal.folder, 'portal', 'chunks', 'packs'))
    expect(files.toSorted().map((name) => `packs/${name}`)).toEqual(packs.map(({ key }) => key))
  })
})

describe('a portal that is killed while it collects', () => {
  const kills = 6
  let testbed: Testbed
  let clients: Clients

  beforeAll(async () => {
    const settings = { COLLECT_EVERY: '20ms', COLLECT_GRACE: '0', UNDELETE: '0' }
    const through = Object.entries(settings).map(([name, time]) => `MERGE_IMAGE_${name}=${time}`)
    testbed = await startTestbed([], { through: ['env', ...through], insecure: true })
    clients = clientsAs(testbed.portalAddress, 'producer')
  }, 60_000)

  afterAll(async () => {
    clients[Symbol.dispose]()
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  test(`has every image whole after each of ${kills} kills, and no row without its bytes`, async () => {
    const chance = chancesOf(`killed ${seed}`)
    const images: Digest[][] = []
    const count = { uploads: 0, ended: 0, cutOff: 0, read: 0 }
    const upload = async (until: () => boolean): Promise<void> => {
      while (!until()) {
        const chunks = someOf(pool, 5 + Math.floor(chance() * 25), chance)
        try {
          const id = await storeUnder(clients, lineOf(count.uploads++), chunks)
          if (chance() < 0.5) {
            await commitOf(clients, id, chunks)
            images.push(digestsOf(chunks))
          } else await clients.uploads.abortUpload({ requestId: '', uploadId: id })
          count.ended++
        } catch {
          count.cutOff++
          await sleep(50)
        }
      }
    }
    for (let i = 0; i < kills; i++) {
      let killed = false
      const uploading = Promise.all([1, 2, 3].map(() => upload(() => killed)))
      const before = count.ended
      while (count.ended < before + 10) await sleep(10)
      await sleep(chance() * 500)
      killed = true
      await testbed.portal.stop('SIGKILL')
      await uploading
      await testbed.restartPortal()
      for (const digests of images) {
        expect(await fetchRight(clients, digests)).toBe(digests.length)
        count.read++
      }
      expect(await wholePool(clients, pool)).toBe(true)
    }
    process.stdout.write(`${JSON.stringify({ kills, images: images.length, ...count, seed })}\n`)
    expect(images.length).toBeGreaterThan(kills)
    const log = await readFile(join(testbed.folder, 'portal.log'), 'utf8')
    expect(log.match(/"msg":"collected"/g)?.length).toBeGreaterThan(kills * 5)
  }, 300_000)
})

/** Whether each chunk that an upload is told is there can be read. */
async function wholePool(clients: Clients, chunks: readonly Chunk[]): Promise<boolean> {
  const { uploads } = clients
  const request = { requestId: '', target: 'debian-13', notes: '', labels: {}, custom: undefined }
  const uploadId = (await uploads.beginUpload(request)).upload?.id ?? ''
  const digests = digestsOf(chunks)
  const answer = await clients.chunks.findMissing({ digests: joinDigests(digests), uploadId })
  const lacking = new Set(splitDigests(answer.digests))
  const there = digests.filter((digest) => !lacking.has(digest))
  const right = await fetchRight(clients, there)
  await uploads.abortUpload({ requestId: '', uploadId })
  return right === there.length
}
