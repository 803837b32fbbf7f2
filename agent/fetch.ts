import type { Clock } from '../lib/chunks/clock.ts'
import { bothLimits, type Limit } from '../lib/chunks/limit.ts'
import type { Origin, RankedSource } from '../lib/chunks/ranking.ts'
import type { ChunkStore } from '../lib/chunks/source.ts'
import type { Standing } from '../lib/chunks/standing.ts'
import { parseDigest, type Digest } from '../lib/content/digest.ts'
import { decodeManifest } from '../lib/content/encoding.ts'
import type { Manifest } from '../lib/content/manifest.ts'
import { chunkLengths } from '../lib/content/manifest.ts'
import { internal } from '../lib/failure.ts'
import type { Pool } from '../lib/workers/pool.ts'
import type { Company } from '../lib/sharing/sharing.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { copyImage } from './copying.ts'
import type { FetchDeltas, Lacked } from './deltas.ts'
import type { Fingerprints } from './fingerprints.ts'
import type { ImageTable } from './images.ts'
import type { Needs } from './needs.ts'
import type { Open } from './plan.ts'
import type { Uncompressed } from './uncompressed.ts'
import type { Upstream } from './upstream.ts'

export interface FetchDeps {
  readonly store: ChunkStore
  readonly images: ImageTable
  readonly needs: Needs
  readonly upstream: Upstream
  readonly clock: Clock
  /** How fast bytes may come. */
  readonly limit: Limit
  /** The same for what the terms of rules bind to a rate. */
  readonly limitAt: (rate: number | undefined) => Limit
  /** How sources did in former fetches. */
  readonly standing: Standing
  readonly deltas: FetchDeltas
  readonly fingerprints: Pick<Fingerprints, 'learn' | 'known'>
  readonly uncompressed: Pick<Uncompressed, 'add' | 'forget'>
  readonly portal: RankedSource
  /** Checks what comes. */
  readonly pool: Pick<Pool, 'warm'>
  /** Who else has or fetches the image now. */
  readonly company: (image: string) => Company
  /** Makes room for so many bytes of an image, or throws DISK_FULL. */
  readonly makeRoom: (image: Image, bytes: number, signal: AbortSignal) => Promise<void>
  /** Whether so many bytes more have room without anything going. */
  readonly hasRoom: (bytes: number) => Promise<boolean>
}

/** From where an image is fetched, and how fast. */
export type FetchWay = Pick<Open, 'rate' | 'peers'>

/** Hears how a fetch goes on. */
export interface FetchNews {
  /** How much of the image's data was here already. */
  reused(share: number): void
  fetched(origin: Origin, bytes: number): void
}

/**
 * Brings one image here: its manifest, the chunks that are missing, and a last look that all are there. Only then is it
 * shown. What came before a failure stays, so the next try asks only for the rest.
 */
export async function fetchImage(
  image: Image,
  way: FetchWay,
  news: FetchNews,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<void> {
  const { store, images, needs, fingerprints, pool, uncompressed } = deps
  pool.warm()
  const name = parseDigest(image.digest)
  using _held = needs.hold(name)
  using _marks = {
    [Symbol.dispose]: () => {
      uncompressed.forget()
    },
  }
  const manifest = await manifestOf(image, deps, signal)
  const lengths = chunkLengths(manifest)
  const digests = [...lengths.keys()]
  // Before the look at what is here: that stays from now on.
  await needs.add(name, digests)
  const lacking = await store.missing(digests, signal)
  const { share, lackingBytes } = shareHere(lengths, lacking)
  news.reused(share)
  const storedBytes = Math.round((1 - share) * Number(image.storedBytes))
  await deps.makeRoom(image, storedBytes, signal)
  const ruled = deps.limitAt(way.rate)
  // What came in a turn before is waited for first.
  await ruled.take(0, signal)
  const bound = { ...deps, limit: bothLimits(deps.limit, ruled) }
  // As they are, and compressed beside that, until the first are gone.
  const roomBytes = lackingBytes + storedBytes
  const made =
    way.peers !== 'only' &&
    (await rebuilt({ image, manifest, lacking, roomBytes, news }, bound, signal))
  const rest = made ? await store.missing(lacking, signal) : lacking
  const { holders, fetchers } = deps.company(image.name)
  // With what the portal sends come its fingerprints.
  using _learning =
    holders.length + fetchers.length > 0 ? fingerprints.learn(rest, signal) : undefined
  await copyImage({ image, digests, lacking: rest, peers: way.peers, news }, bound, signal)
  // The others were found, and stay.
  const [absent] = await store.missing(lacking, signal)
  if (absent !== undefined) {
    throw internal('INTERNAL', `${image.name} was fetched, and chunk ${absent} is not here`)
  }
  images.show(image)
}

interface Rebuilding extends Pick<Lacked, 'image' | 'manifest' | 'lacking'> {
  readonly roomBytes: number
  readonly news: FetchNews
}

/** What deltas give; false if there are none. */
async function rebuilt(
  { roomBytes, news, ...lacked }: Rebuilding,
  { deltas, limit, hasRoom }: FetchDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const onBytes = (bytes: number): Promise<void> => {
    news.fetched('portal', bytes)
    return limit.take(bytes, signal)
  }
  return deltas({ ...lacked, isRoomy: await hasRoom(roomBytes), onBytes }, signal)
}

async function manifestOf(
  image: Image,
  { images, upstream }: FetchDeps,
  signal: AbortSignal,
): Promise<Manifest> {
  const digest = parseDigest(image.digest)
  const bytes = images.manifest(digest) ?? (await upstream.manifest(digest, signal))
  const manifest = decodeManifest(bytes)
  images.keepManifest(digest, bytes)
  return manifest
}

/** The share of the image's raw data that is here, and how much is not. */
function shareHere(
  lengths: ReadonlyMap<Digest, number>,
  missing: readonly Digest[],
): { readonly share: number; readonly lackingBytes: number } {
  let all = 0
  for (const length of lengths.values()) all += length
  const lackingBytes = missing.reduce((sum, digest) => sum + (lengths.get(digest) ?? 0), 0)
  return { share: all === 0 ? 1 : 1 - lackingBytes / all, lackingBytes }
}
