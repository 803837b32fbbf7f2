import { afterAll, expect, test } from '@jest/globals'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { collectableIn } from '../../agent/collectable.ts'
import { keepCompressing } from '../../agent/compressing.ts'
import { openAgentDatabase } from '../../agent/database.ts'
import { needsIn } from '../../agent/needs.ts'
import { placesIn } from '../../agent/places.ts'
import type { Transfers } from '../../agent/transfers.ts'
import { marking, uncompressedIn } from '../../agent/uncompressed.ts'
import { makeBell } from '../../lib/bell.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { openDirectory } from '../../lib/chunks/directory.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { startPool } from '../../lib/workers/pool.ts'
import { compressor, verifier } from '../../lib/workers/verifier.ts'
import { collect, digestsOf, noise, rawChunk, runsOf } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import '../support/realm.ts'

const pool = startPool(1)
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
})

const done = 'chunks that deltas made are compressed'
const words = Array.from({ length: 40 }, (_, i) =>
  rawChunk(Buffer.from(`${i} again\n`.repeat(900))),
)
const dense = Array.from({ length: 10 }, (_, i) => rawChunk(noise(`dense ${i}`, 9000)))
const all = [...words, ...dense]

/** A store in whose packs all of the chunks lie raw, as deltas left them. */
async function open(stack: AsyncDisposableStack) {
  const folder = stack.use(await temporaryFolder())
  const db = stack.adopt(openAgentDatabase(folder.path), (opened) => {
    opened.close()
  })
  const [index, needs, uncompressed] = [placesIn(db), needsIn(db), uncompressedIn(db)]
  const collectable = collectableIn(db, needs.takeRevived)
  const blobs = stack.use(
    await openDirectory({ path: folder.path, startedAt: performance.timeOrigin }),
  )
  const marked = marking(blobs, uncompressed)
  const store = packStore({ blobs: marked, index, newId: ulid, packBytes: 50_000 })
  await needs.add(sha256(Buffer.from('a manifest')), digestsOf(all))
  uncompressed.add(digestsOf(all))
  await store.store(runsOf(all))
  const recorded = recorder()
  const { log, lines } = recorded
  // What waits for quiet looks at once.
  const clock = {
    now: () => performance.now(),
    sleep: (_ms: number, signal: AbortSignal) => sleep(1, signal),
  }
  const bell = makeBell()
  let looks = 0
  const next: typeof bell.next = (...given) => {
    looks++
    return bell.next(...given)
  }
  const state = { transfers: new Map() as Transfers, bell: { ...bell, next } }
  const common = { blobs, newId: ulid, log, clock, index: collectable }
  let checked = 0
  const compress = compressor(pool)
  const verify: typeof compress = (run, signal) => {
    checked++
    return compress(run, signal)
  }
  const deps = { ...common, verify, uncompressed, state }
  const packs = () => readdir(join(folder.path, 'packs'))
  const line = (msg: string) => recorded.line(msg)
  return {
    ...deps,
    db,
    deps,
    store,
    packs,
    line,
    lines,
    looks: () => looks,
    checked: () => checked,
    folder: join(folder.path, 'packs'),
  }
}

/** Ends it, and waits until it has. */
function keepOn(deps: Parameters<typeof keepCompressing>[0], stack: AsyncDisposableStack): void {
  const stopping = new AbortController()
  const going = keepCompressing(deps, stopping.signal)
  stack.defer(async () => {
    stopping.abort()
    await going.catch(() => undefined)
  })
}

const bytesOf = (runs: Awaited<ReturnType<typeof collect<{ payload: Uint8Array }>>>) =>
  runs.reduce((sum, { payload }) => sum + payload.length, 0)

test('what lies raw for the time being is compressed, and its packs go', async () => {
  await using stack = new AsyncDisposableStack()
  const { deps, store, packs, line, uncompressed } = await open(stack)
  const before = await packs()
  keepOn(deps, stack)
  await line(done)
  const runs = await collect(store.fetch(digestsOf(all)))
  await Promise.all(runs.map((run) => verifier(pool)({ ...run, payload: run.payload.slice() })))
  const codecs = new Map(runs.flatMap(({ entries }) => entries.map((e) => [e.digest, e.codec])))
  expect(words.map(({ entry }) => codecs.get(entry.digest))).toEqual(words.map(() => 'zstd'))
  expect(dense.map(({ entry }) => codecs.get(entry.digest))).toEqual(dense.map(() => 'raw'))
  expect(bytesOf(runs)).toBeLessThan(100_000)
  expect((await packs()).filter((pack) => before.includes(pack))).toEqual([])
  expect(uncompressed.packs(9)).toEqual([])
})

const transfer = {
  ...{ startedAt: 0, imageBytes: 1, reusedBytes: 0, failures: 0 },
  bytes: { peer: 0, portal: 0 },
}

test('nothing is compressed while an image is fetched', async () => {
  await using stack = new AsyncDisposableStack()
  const { deps, state, looks, checked, line } = await open(stack)
  state.transfers.set('debian-13', { ...transfer, state: 'fetching' })
  keepOn(deps, stack)
  while (looks() < 3) {
    state.bell.ring()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  expect(checked()).toBe(0)
  state.transfers.set('debian-13', { ...transfer, state: 'present' })
  state.bell.ring()
  await line(done)
  expect(checked()).toBeGreaterThan(0)
})

test('what is marked while something is fetched, and not there yet, stays marked', async () => {
  await using stack = new AsyncDisposableStack()
  const { deps, store, state, looks, uncompressed } = await open(stack)
  const coming = rawChunk(noise('coming', 500))
  uncompressed.add(digestsOf([coming]))
  uncompressed.flush()
  const verify: typeof deps.verify = (run, signal) => {
    state.transfers.set('debian-13', { ...transfer, state: 'fetching' })
    return deps.verify(run, signal)
  }
  keepOn({ ...deps, verify }, stack)
  while (looks() < 3) {
    state.bell.ring()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const before = uncompressed.packs(99)
  await store.store(runsOf([coming]))
  expect(uncompressed.packs(99)).toHaveLength(before.length + 1)
})

test('a pack that cannot be read is left for the scrub, and the others are compressed', async () => {
  await using stack = new AsyncDisposableStack()
  const { deps, store, packs, folder, line, lines, uncompressed } = await open(stack)
  const [last = ''] = (await packs()).toSorted().slice(-1)
  const lost = new Set((await deps.index.contents(`packs/${last}`)).map(({ digest }) => digest))
  await rm(join(folder, last))
  keepOn(deps, stack)
  await line(done)
  expect(lines.filter(({ msg }) => msg === 'pack not compressed')).toHaveLength(1)
  expect(uncompressed.packs(9)).toEqual([])
  const left = digestsOf(words).filter((digest) => !lost.has(digest))
  const runs = await collect(store.fetch(left))
  expect(left.length).toBeGreaterThan(0)
  expect(runs.flatMap(({ entries }) => entries.map(({ codec }) => codec))).toEqual(
    left.map(() => 'zstd'),
  )
})

test('what is marked and never came is forgotten', async () => {
  await using stack = new AsyncDisposableStack()
  const { db, deps, line, uncompressed } = await open(stack)
  const absent = rawChunk(noise('absent', 500))
  uncompressed.add(digestsOf([absent]))
  uncompressed.flush()
  keepOn(deps, stack)
  await line(done)
  expect(uncompressed.packs(9)).toEqual([])
  expect(db.prepare('SELECT 1 FROM uncompressed').all()).toEqual([])
})
