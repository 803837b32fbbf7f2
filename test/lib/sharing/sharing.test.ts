import { describe, expect, test } from '@jest/globals'
import { type Clock, sleep } from '../../../lib/chunks/clock.ts'
import { copyChunks } from '../../../lib/chunks/copy.ts'
import type { RankedSource } from '../../../lib/chunks/ranking.ts'
import type { ChunkSource, ChunkStore } from '../../../lib/chunks/source.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { unavailable } from '../../../lib/failure.ts'
import { type Company, sharing } from '../../../lib/sharing/sharing.ts'
import { chunksOf, digestsOf, holding, runsOf, type Chunk } from '../../support/chunks.ts'

const faster = 6

/** A clock that runs faster than others. */
const clock: Clock = {
  now: () => performance.now() * faster,
  sleep: (ms, signal) => sleep(ms / faster, signal),
}

const chunks = chunksOf('shared', 1600, 100)
const digests = digestsOf(chunks)

/** Gives what another source holds at so many milliseconds of that clock a call. */
function slowly(source: ChunkSource, ms: number): ChunkSource {
  return {
    missing: (asked, signal) => source.missing(asked, signal),
    async *fetch(asked, signal) {
      await clock.sleep(ms, signal ?? new AbortController().signal)
      yield* source.fetch(asked, signal)
    },
  }
}

/** One of those who fetch the image: what it has, others can have. */
interface Fetcher {
  readonly name: string
  readonly has: Map<Digest, Chunk>
  /** Chunks that the portal gave it. */
  portalChunks: number
  /** It answers nobody any more. */
  isGone: boolean
}

interface World {
  readonly fetchers: Fetcher[]
  /** What the portal takes for a batch, by who asks. */
  readonly portalMs: (name: string) => number
}

const named = new Map(chunks.map((chunk) => [chunk.entry.digest, chunk]))

function servedBy(fetcher: Fetcher): RankedSource {
  const has = (): Fetcher['has'] => {
    if (fetcher.isGone) throw unavailable('UNREACHABLE', `${fetcher.name} is gone`)
    return fetcher.has
  }
  const source: ChunkSource = {
    missing: (asked) => Promise.resolve(asked.filter((digest) => !has().has(digest))),
    fetch: (asked) => runsOf(asked.flatMap((digest) => has().get(digest) ?? [])),
  }
  return { name: fetcher.name, origin: 'peer', source: slowly(source, 5) }
}

function storeOf({ has }: Fetcher): ChunkStore {
  return {
    missing: (asked) => Promise.resolve(asked.filter((digest) => !has.has(digest))),
    fetch: () => runsOf([]),
    remove: () => Promise.resolve(),
    async store(runs) {
      for await (const { entries } of runs) {
        for (const { digest } of entries) {
          const chunk = named.get(digest)
          if (chunk !== undefined) has.set(digest, chunk)
        }
      }
    },
  }
}

const fetcher = (name: string): Fetcher => ({
  name,
  has: new Map(),
  portalChunks: 0,
  isGone: false,
})

/** Fetches the image as an agent does. */
async function fetchAs(self: Fetcher, { fetchers, portalMs }: World, signal: AbortSignal) {
  const others = (whole: boolean): RankedSource[] =>
    fetchers
      .filter((other) => other !== self && (other.has.size === chunks.length) === whole)
      .map(servedBy)
  const company = (): Company => ({
    self: self.name,
    fetchers: others(false),
    holders: others(true),
  })
  const portal: RankedSource = {
    name: 'portal',
    origin: 'portal',
    source: slowly(holding(chunks), portalMs(self.name)),
  }
  const store = storeOf(self)
  const shared = sharing({ digests, lacking: await store.missing(digests), company, clock })
  await copyChunks({
    digests,
    batches: shared.batches(signal),
    sources: (wanted) => [...shared.peers(wanted), portal],
    store,
    signal,
    clock,
    stallMs: 20_000,
    onRun: (run, from) => {
      shared.came(run)
      if (from.origin === 'portal') self.portalChunks += run.entries.length
    },
  })
}

const ten = () => Array.from({ length: 10 }, (_, i) => fetcher(`lab${i}`))
const never = new AbortController().signal
const copies = (fetchers: readonly Fetcher[]): number =>
  fetchers.reduce((sum, { portalChunks }) => sum + portalChunks, 0) / chunks.length

describe('an image that ten fetch together', () => {
  test('leaves the portal about once', async () => {
    const world = { fetchers: ten(), portalMs: () => 300 }
    await Promise.all(world.fetchers.map((each) => fetchAs(each, world, never)))
    for (const { has } of world.fetchers) expect(has.size).toBe(chunks.length)
    expect(copies(world.fetchers)).toBeLessThanOrEqual(1.5)
  }, 20_000)

  test('leaves it about once if one is thirty times as slow, and the others do not wait for that', async () => {
    const world = { fetchers: ten(), portalMs: (name: string) => (name === 'lab3' ? 9000 : 300) }
    const arrived: string[] = []
    const bring = (each: Fetcher) => fetchAs(each, world, never).then(() => arrived.push(each.name))
    await Promise.all(world.fetchers.map(bring))
    expect(arrived.at(-1)).toBe('lab3')
    expect(copies(world.fetchers)).toBeLessThanOrEqual(1.5)
  }, 20_000)

  test('leaves it about once if one dies in the middle, whom the others do without', async () => {
    const world = { fetchers: ten(), portalMs: () => 300 }
    const dying = new AbortController()
    const [first, ...rest] = world.fetchers
    const victim = first ?? fetcher('nobody')
    const died = fetchAs(victim, world, dying.signal).catch(() => undefined)
    const others = Promise.all(rest.map((each) => fetchAs(each, world, never)))
    while (victim.has.size === 0) await sleep(5, never)
    victim.isGone = true
    dying.abort(new Error('killed'))
    await died
    await others
    for (const { has } of rest) expect(has.size).toBe(chunks.length)
    expect(copies(world.fetchers)).toBeLessThanOrEqual(1.5)
  }, 20_000)

  test('costs the portal almost nothing for one who comes late', async () => {
    const world = { fetchers: ten(), portalMs: () => 300 }
    await Promise.all(world.fetchers.map((each) => fetchAs(each, world, never)))
    const late = fetcher('late')
    world.fetchers.push(late)
    await fetchAs(late, world, never)
    expect(late.has.size).toBe(chunks.length)
    expect(late.portalChunks).toBeLessThan(chunks.length / 10)
  }, 20_000)

  test('comes whole to one who begins when others are halfway', async () => {
    const world = { fetchers: ten(), portalMs: () => 300 }
    const others = Promise.all(world.fetchers.map((each) => fetchAs(each, world, never)))
    while ((world.fetchers[0]?.has.size ?? 0) < chunks.length / 2) await sleep(5, never)
    const late = fetcher('aaa')
    world.fetchers.push(late)
    await fetchAs(late, world, never)
    await others
    expect(late.has.size).toBe(chunks.length)
    expect(copies(world.fetchers)).toBeLessThanOrEqual(1.5)
  }, 20_000)
})

test('an image that one fetches alone comes in its order, all at once', async () => {
  const company = () => ({ self: 'lab1', fetchers: [], holders: [] })
  const shared = sharing({ digests, lacking: digests, company, clock })
  const batches: Digest[] = []
  for await (const batch of shared.batches(never)) batches.push(...batch)
  expect(batches).toEqual(digests)
})
