import { expect, test } from '@jest/globals'
import { repair } from '../../../lib/chunks/repair.ts'
import type { ChunkSource } from '../../../lib/chunks/source.ts'
import { verified } from '../../../lib/chunks/verified.ts'
import { corrupt, unavailable } from '../../../lib/failure.ts'
import {
  chunksOf,
  collect,
  contentOf,
  digestsOf,
  holding,
  rawChunk,
  storedOf,
} from '../../support/chunks.ts'
import { type Shelf, shelfOf, toldClock, verifyHere } from '../../support/shelf.ts'

const chunks = chunksOf('chunks', 60)
const digests = digestsOf(chunks)
const never = new AbortController().signal

const away: ChunkSource = {
  missing: () => Promise.reject(unavailable('UNREACHABLE', 'nobody answers')),
  fetch: () => {
    throw unavailable('UNREACHABLE', 'nobody answers')
  },
}

/** Says that it has everything, and sends other bytes under the same digests. */
function lying(): ChunkSource {
  return holding(
    chunks.map(({ entry, stored }) => ({
      entry,
      stored: rawChunk(stored).stored.map((b) => b ^ 1),
    })),
  )
}

function repaired({ store }: Shelf, broken: typeof digests, ...sources: readonly ChunkSource[]) {
  const ranked = sources.map((source, i) => ({
    name: `source ${i}`,
    origin: 'portal' as const,
    source: verified(source, verifyHere),
  }))
  const deps = { store, sources: () => Promise.resolve(ranked), clock: { ...toldClock(), sleep } }
  return repair(broken, deps, never)
}

/** Pauses are short here, and nothing stalls. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms < 10_000) return
  await new Promise((_done, fail) => {
    signal.addEventListener('abort', () => {
      fail(signal.reason as Error)
    })
  })
}

async function broken(...which: readonly number[]) {
  const shelf = await shelfOf(chunks)
  const bad = which.flatMap((i) => digests[i] ?? [])
  for (const digest of bad) await shelf.damage.note(await shelf.rot(digest), [digest])
  return { shelf, bad }
}

async function isWhole({ store }: Shelf): Promise<boolean> {
  const content = contentOf(await collect(store.fetch(digests)))
  return [...storedOf(chunks)].every(([digest, stored]) => content.get(digest) === stored)
}

test('damaged chunks come back from whoever has them, a part from each', async () => {
  const { shelf, bad } = await broken(1, 7, 30, 59)
  await using _shelf = shelf
  const halves = [chunks.slice(0, 20), chunks.slice(20)].map((half) => holding(half))
  expect(await repaired(shelf, bad, ...halves)).toEqual([])
  expect(await isWhole(shelf)).toBe(true)
})

test('a source that is away or lies holds nobody up, and nothing wrong is kept', async () => {
  const { shelf, bad } = await broken(1, 7, 30)
  await using _shelf = shelf
  expect(await repaired(shelf, bad, lying(), away, holding(chunks))).toEqual([])
  expect(await isWhole(shelf)).toBe(true)
})

test('what nobody has stays damaged, and what somebody has does not', async () => {
  const { shelf, bad } = await broken(1, 7, 30)
  await using _shelf = shelf
  expect(await repaired(shelf, bad, holding(chunks.slice(0, 20)), away)).toEqual([digests[30]])
  expect(await shelf.damage.left()).toEqual([digests[30]])
})

test('without a source nothing is repaired', async () => {
  const { shelf, bad } = await broken(1)
  await using _shelf = shelf
  expect(await repaired(shelf, bad)).toEqual(bad)
})

test('a source that lied is asked last from then on', async () => {
  const many = chunksOf('many', 130)
  await using shelf = await shelfOf(many)
  for (const digest of digestsOf(many)) {
    await shelf.damage.note((await shelf.index.locate([digest])).get(digest)?.pack ?? '', [digest])
  }
  let asked = 0
  const good = holding(many)
  const liar: ChunkSource = {
    ...good,
    fetch: (wanted) => {
      asked++
      throw corrupt('CHUNK_CORRUPT', `${wanted.length} chunks of other bytes`)
    },
  }
  expect(await repaired(shelf, digestsOf(many), liar, good)).toEqual([])
  expect(asked).toBe(1)
})
