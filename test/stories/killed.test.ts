import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { copyFile, cp, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeManifest } from '../../lib/content/encoding.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { until } from '../support/daemon.ts'

interface Published {
  readonly image: { readonly name: string }
}

const kills = 100
const mostEach = 10
const deltaKills = 12
/** What the image takes, compressed. */
const wholeBytes = 42_000_000
/** What it takes as it is, rebuilt everywhere. */
const rebuiltBytes = 80_000_000
const seed = Number(process.env['SEED'] ?? 20261123)

/** Numbers from 0 to 1 that a seed decides. */
function* chances(): Generator<number, never> {
  for (let i = 0; ; i++) {
    yield createHash('sha256').update(`${seed} ${i}`).digest().readUInt32BE() / 2 ** 32
  }
}

/** 80 MB that compress by half, with a hole before the end. */
async function makeImage(path: string): Promise<void> {
  await using file = await open(path, 'w')
  let block = createHash('sha512').update(String(seed)).digest()
  for (let i = 0; i < 80; i++) {
    const random = Buffer.alloc(512 * 1024)
    for (let at = 0; at < random.length; at += block.length) {
      block = createHash('sha512').update(block).digest()
      block.copy(random, at)
    }
    await file.write(
      Buffer.concat([random, Buffer.alloc(512 * 1024, 'merge')]),
      0,
      1024 * 1024,
      i * 1024 * 1024,
    )
  }
  await file.truncate(256 * 1024 * 1024)
}

describe('an agent that is killed', () => {
  let testbed: Testbed
  let image: string
  let name: string
  const chance = chances()

  beforeAll(async () => {
    testbed = await startTestbed([])
    image = join(testbed.folder, 'image.raw')
    await makeImage(image)
    const published = await testbed.mrg<Published>('publish', image, '--as', 'debian-13')
    name = published.image.name
  }, 120_000)

  afterAll(async () => {
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  /** What a dead agent's folder shows, and whether all of that is there. */
  function look(facility: string, images = 1): { shown: boolean; begun: boolean; whole: boolean } {
    const folder = join(testbed.folder, facility)
    const db = new DatabaseSync(join(folder, 'agent.db'))
    try {
      const shown = db.prepare('SELECT name FROM image').all().length >= images
      const packs = db.prepare('SELECT key, size_bytes FROM pack').all()
      const packsWhole = packs.every(
        ({ key, size_bytes }) =>
          statSync(join(folder, 'chunks', String(key))).size === Number(size_bytes),
      )
      const rows = db.prepare('SELECT lower(hex(digest)) AS digest FROM chunk').all()
      const held = new Set(rows.map(({ digest }) => digest))
      const manifests = db
        .prepare(
          `SELECT bytes FROM manifest JOIN image ON image.digest = 'sha256:' || manifest.digest`,
        )
        .all()
      const chunksThere = manifests
        .flatMap(({ bytes }) => chunkDigests(decodeManifest(bytes as Uint8Array)))
        .every((digest) => held.has(digest))
      return { shown, begun: packs.length > 0, whole: packsWhole && chunksThere }
    } finally {
      db.close()
    }
  }

  function shown(facility: string): number {
    using db = new DatabaseSync(join(testbed.folder, facility, 'agent.db'), { readOnly: true })
    return db.prepare('SELECT name FROM image').all().length
  }

  /** What lies in its folders, whole packs and those that are being written. */
  function bytesIn(facility: string): number {
    const chunks = join(testbed.folder, facility, 'chunks')
    const sizes = ['packs', 'tmp'].flatMap((folder) => {
      const path = join(chunks, folder)
      const found = existsSync(path) ? readdirSync(path) : []
      // One that is being written gets its name in between.
      return found.map((file) => statSync(join(path, file), { throwIfNoEntry: false }))
    })
    return sizes.reduce((sum, stat) => sum + (stat?.size ?? 0), 0)
  }

  /** Chosen by the seed: a point between what is there already and this many bytes, or before anything comes. */
  async function reachPoint(facility: string, mostBytes: number, images = 1): Promise<void> {
    const [there, at] = [bytesIn(facility), chance.next().value]
    if (at < 0.1) return
    const enough = there + at * (mostBytes - there)
    while (bytesIn(facility) < enough && shown(facility) < images) await sleep(2)
  }

  test(`${kills} times in the middle of a sync converges, and never shows what is not whole`, async () => {
    const seen = { 'before the first pack': 0, 'in between': 0, 'when it was whole': 0 }
    let [killed, syncs] = [0, 0]
    while (killed < kills) {
      const facility = `lab${syncs++}`
      await testbed.mrg('new', 'facility', facility)
      await testbed.mrg('push', 'debian', facility)
      for (let each = 0; each < mostEach && killed < kills; each++) {
        const agent = await testbed.startFacility(facility)
        await reachPoint(facility, wholeBytes)
        await agent.stop('SIGKILL')
        killed++
        const { shown, begun, whole } = look(facility)
        expect(whole).toBe(true)
        if (shown) {
          seen['when it was whole']++
          break
        }
        seen[begun ? 'in between' : 'before the first pack']++
      }
      await testbed.startFacility(facility)
      await testbed.mrs(facility, 'pull', 'debian')
      expect(look(facility)).toEqual({ shown: true, begun: true, whole: true })
      await testbed.mrs(facility, 'verify', 'debian')
      const tmp = readdirSync(join(testbed.folder, facility, 'chunks', 'tmp'))
      expect(tmp).toEqual([])
      await testbed.facilities.get(facility)?.stop()
    }
    process.stdout.write(`killed in ${syncs} syncs: ${JSON.stringify(seen)}; seed ${seed}\n`)
    expect(seen['in between']).toBeGreaterThan(kills / 4)
  }, 1_200_000)

  test(`${deltaKills} times while it makes chunks of deltas, and compresses them, converges`, async () => {
    const facility = 'rebuilt'
    await testbed.mrg('new', 'facility', facility)
    const first = await testbed.startFacility(facility)
    await testbed.mrs(facility, 'pull', 'debian')
    await first.stop()
    const [place, kept] = [join(testbed.folder, facility), join(testbed.folder, 'kept')]
    await cp(place, kept, { recursive: true })
    const rebuilt = join(testbed.folder, 'rebuilt.raw')
    await copyFile(image, rebuilt)
    await using file = await open(rebuilt, 'r+')
    for (let at = 1000; at < wholeBytes * 2; at += 50_000) await file.write('rebuilt', at)
    await testbed.mrg('publish', rebuilt, '--as', 'debian-13')
    const log = join(testbed.folder, 'portal.log')
    await until('deltas are prepared', async () =>
      (await readFile(log, 'utf8')).includes('deltas prepared'),
    )
    await testbed.mrg('push', 'debian', facility)
    let early = 0
    for (let k = 0; k < deltaKills; k++) {
      // Every other kill hits what the one before left.
      if (k % 2 === 0) {
        await rm(place, { recursive: true })
        await cp(kept, place, { recursive: true })
      }
      const agent = await testbed.startFacility(facility)
      // Of those that are to come last many find it whole, and compressing.
      await reachPoint(facility, wholeBytes + 1.5 * rebuiltBytes, 2)
      await agent.stop('SIGKILL')
      const { shown, whole } = look(facility, 2)
      expect(whole).toBe(true)
      if (!shown) early++
    }
    await testbed.startFacility(facility)
    await testbed.mrs(facility, 'pull', 'debian')
    await until('all is compressed', () => Promise.resolve(uncompressed(facility) === 0))
    expect(look(facility, 2)).toEqual({ shown: true, begun: true, whole: true })
    await testbed.mrs(facility, 'verify', 'debian')
    await testbed.facilities.get(facility)?.stop()
    expect(early).toBeGreaterThan(0)
    process.stdout.write(`killed with deltas, ${early} of ${deltaKills} before it was whole\n`)
  }, 300_000)

  /** Chunks that lie raw for the time being. */
  function uncompressed(facility: string): number {
    using db = new DatabaseSync(join(testbed.folder, facility, 'agent.db'), { readOnly: true })
    return Number(db.prepare('SELECT count(*) AS count FROM uncompressed').get()?.['count'])
  }

  test('while it writes an image out leaves no half file behind', async () => {
    const facility = 'writer'
    await testbed.mrg('new', 'facility', facility)
    await testbed.startFacility(facility)
    await testbed.mrs(facility, 'pull', name)
    const out = join(testbed.folder, 'out')
    await mkdir(out)
    const written = join(out, 'image.raw')
    let cut = 0
    for (let i = 0; i < 6; i++) {
      const agent = testbed.facilities.get(facility)
      const writing = testbed.mrs(facility, 'write', 'out', name, written).then(
        () => true,
        () => false,
      )
      // From before it is asked until long after.
      await sleep((i + chance.next().value) * 150)
      await agent?.stop('SIGKILL')
      const isWritten = await writing
      await testbed.startFacility(facility)
      const files = readdirSync(out)
      expect(files).toEqual(isWritten || files.length > 0 ? ['image.raw'] : [])
      if (files.length === 0) cut++
      else execFileSync('cmp', [image, written])
      await rm(written, { force: true })
    }
    await testbed.mrs(facility, 'write', 'out', name, written)
    execFileSync('cmp', [image, written])
    expect(cut).toBeGreaterThan(0)
    process.stdout.write(`killed while it wrote out, ${cut} times of 6 before it was whole\n`)
  }, 120_000)
})
