import type { Logger } from 'pino'
import { either, nobodyWaits } from '../lib/chunks/abort.ts'
import { impatient } from '../lib/chunks/batch.ts'
import type { Clock } from '../lib/chunks/clock.ts'
import type { ChunkStore, Run } from '../lib/chunks/source.ts'
import { joinDigests, parseDigest, splitDigests, type Digest } from '../lib/content/digest.ts'
import { decodeManifest } from '../lib/content/encoding.ts'
import type { Manifest } from '../lib/content/manifest.ts'
import { numberedChunks, type NumberedChunk } from '../lib/content/numbered.ts'
import type { DeltaRun } from '../lib/deltas/deltas.ts'
import { rebuildChunks } from '../lib/deltas/rebuild.ts'
import { invalid } from '../lib/failure.ts'
import { parseImageName, renderLine } from '../lib/names/name.ts'
import type { Pool } from '../lib/workers/pool.ts'
import type { FetchDeltasResponse } from '../proto/gen/merge/image/v1/delta.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { ImageTable } from './images.ts'
import type { Uncompressed } from './uncompressed.ts'
import type { Upstream } from './upstream.ts'

/** What is to be made of deltas. */
export interface Lacked {
  readonly image: Image
  readonly manifest: Manifest
  /** The chunks that are not here. */
  readonly lacking: readonly Digest[]
  /** Whether there is room for them as they are, until they are compressed. */
  readonly isRoomy: boolean
  /** Hears how many bytes came, and resolves when more may come. */
  readonly onBytes: (bytes: number) => Promise<void>
}

/** Stores what deltas give of the chunks that are lacking; false if there were none. It fails only when it is stopped. */
export type FetchDeltas = (lacked: Lacked, signal: AbortSignal) => Promise<boolean>

export interface DeltaDeps {
  readonly upstream: Pick<Upstream, 'deltas'>
  readonly images: Pick<ImageTable, 'present' | 'manifest'>
  readonly store: ChunkStore
  readonly uncompressed: Pick<Uncompressed, 'add'>
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Logger
}

const stallMs = 20_000
/** What FetchDeltas takes. */
const mostBases = 64

/** Fetches deltas against a build of the same line that is here, and makes chunks of them. */
export function deltaFetch(deps: DeltaDeps): FetchDeltas {
  return async ({ image, manifest, lacking, isRoomy, onBytes }, signal) => {
    const bases = basesFor(image, deps.images.present())
    if (bases.length === 0 || lacking.length === 0) return false
    const stop = new AbortController()
    const both = either(stop.signal, signal)
    const target = numberedChunks(manifest)
    const request = {
      target: joinDigests([parseDigest(image.digest)]),
      bases: joinDigests(bases),
      wanted: bitmapOf(target, new Set(lacking)),
    }
    try {
      const messages = deps.upstream.deltas.fetchDeltas(request, { signal: both })
      const runs = counted(impatient(messages, { clock: deps.clock, stallMs }, both), onBytes)
      return await keep(runs, target, isRoomy, deps, both)
    } catch (error) {
      signal.throwIfAborted()
      // A full disk, say, is told when the chunks themselves are to be kept.
      deps.log.warn(
        { image: image.name, error: error instanceof Error ? error.message : String(error) },
        'deltas failed; fetching chunks',
      )
      return true
    } finally {
      stop.abort(nobodyWaits)
    }
  }
}

/** Keeps the chunks that the deltas make; false if there are no deltas. */
async function keep(
  messages: AsyncGenerator<FetchDeltasResponse>,
  target: readonly NumberedChunk[],
  isRoomy: boolean,
  deps: DeltaDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const first = await messages.next()
  if (first.done === true) return false
  const base = numberedChunks(manifestNamed(first.value.base, deps.images))
  async function* all(): AsyncGenerator<DeltaRun> {
    if (first.done !== true) yield first.value
    yield* messages
  }
  const { store, pool } = deps
  const rebuilding = { source: store, pool, compressed: !isRoomy }
  await store.store(noted(rebuildChunks(all(), base, target, rebuilding, signal), deps), signal)
  return true
}

/** Compressing takes as long as all else about a delta, so it is left for when nobody waits. */
async function* noted(
  runs: AsyncIterable<Run>,
  { uncompressed }: Pick<DeltaDeps, 'uncompressed'>,
): AsyncGenerator<Run> {
  for await (const run of runs) {
    const raw = run.entries.filter(({ codec }) => codec === 'raw')
    uncompressed.add(raw.map(({ digest }) => digest))
    yield run
  }
}

function manifestNamed(digest: Uint8Array, images: DeltaDeps['images']): Manifest {
  const [base] = splitDigests(digest)
  const bytes = base === undefined ? undefined : images.manifest(base)
  if (bytes !== undefined) return decodeManifest(bytes)
  throw invalid('INVALID_CHUNK', 'the deltas are against an image that is not here')
}

async function* counted(
  messages: AsyncIterable<FetchDeltasResponse>,
  onBytes: (bytes: number) => Promise<void>,
): AsyncGenerator<FetchDeltasResponse> {
  for await (const message of messages) {
    const { length } = message.payload
    // What came is kept before more is waited for: a turn that ends here would lose it again and again.
    yield message
    await onBytes(length)
  }
}

/** A bit for each chunk, as FetchDeltas takes it. */
function bitmapOf(chunks: readonly NumberedChunk[], wanted: ReadonlySet<Digest>): Buffer {
  const bits = Buffer.alloc(Math.ceil(chunks.length / 8))
  for (const [number, { digest }] of chunks.entries()) {
    if (wanted.has(digest)) bits[number >> 3] = (bits[number >> 3] ?? 0) | (1 << (number & 7))
  }
  return bits
}

/** The manifests of the builds of the same line that are here, the newest first. */
function basesFor(image: Image, present: readonly Image[]): Digest[] {
  const line = renderLine(parseImageName(image.name))
  return present
    .filter(({ name }) => name !== image.name && renderLine(parseImageName(name)) === line)
    .toReversed()
    .slice(0, mostBases)
    .map(({ digest }) => parseDigest(digest))
}
