import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { collectableIn } from '../../agent/collectable.ts'
import { damageIn } from '../../agent/damage.ts'
import { openAgentDatabase } from '../../agent/database.ts'
import { placesIn } from '../../agent/places.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import { openDirectory } from '../../lib/chunks/directory.ts'
import type { Files } from '../../lib/chunks/files.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import type { Run } from '../../lib/chunks/source.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { rawChunk } from '../../lib/workers/verify.ts'
import type { Chunk } from './chunks.ts'
import { runsOf } from './chunks.ts'
import { temporaryFolder } from './folder.ts'

/** A clock that only goes on while somebody sleeps, unless it is told to. */
export function toldClock(): Clock & { readonly slept: number[]; pass(ms: number): void } {
  let at = 0
  const slept: number[] = []
  return {
    now: () => at,
    sleep: async (ms, signal) => {
      await new Promise((done) => setImmediate(done))
      signal.throwIfAborted()
      slept.push(ms)
      at += ms
    },
    slept,
    pass: (ms) => void (at += ms),
  }
}

/** Checks every chunk, in this thread. */
export async function verifyHere(run: Run): Promise<Run> {
  await Promise.resolve()
  let at = 0
  for (const entry of run.entries) {
    rawChunk(entry, run.payload.subarray(at, (at += entry.storedBytes)))
  }
  return run
}

/** Chunks in small packs on a real disk, with an agent's index. */
export async function shelfOf(chunks: readonly Chunk[], files?: Files) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const db = openAgentDatabase(folder.path)
  stack.defer(() => {
    db.close()
  })
  const root = join(folder.path, 'chunks')
  const blobs = stack.use(await openDirectory({ path: root, startedAt: 0 }, files))
  const [index, collectable, damage] = [placesIn(db), collectableIn(db, () => 0), damageIn(db)]
  let made = 0
  const newId = (): string => String(made++).padStart(6, '0')
  const store = packStore({ blobs, index, newId, packBytes: 10_000, packsInFlight: 1 })
  await store.store(runsOf(chunks))
  const fileOf = (pack: string): string => join(root, pack)
  return {
    db,
    blobs,
    index,
    collectable,
    damage,
    newId,
    store,
    fileOf,
    packs: async () => (await readdir(join(root, 'packs'))).map((name) => `packs/${name}`).sort(),
    /** Flips a bit in the middle of a chunk as it is stored. */
    async rot(digest: Digest): Promise<string> {
      const place = (await index.locate([digest])).get(digest)
      if (place === undefined) throw new Error(`${digest} is not there`)
      await flip(fileOf(place.pack), place.offset + Math.floor(place.storedBytes / 2))
      return place.pack
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type Shelf = Awaited<ReturnType<typeof shelfOf>>

/** Flips a bit of a file; counted from its end where `at` is below 0. */
export async function flip(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+')
  const position = at < 0 ? (await file.stat()).size + at : at
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position)
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0x10]), 0, 1, position)
}
