import { ahead } from '../chunks/ahead.ts'
import { type HealingSource, takeAll } from '../chunks/healing.ts'
import { packHeader, packHeaderBytes, packTrailer } from '../chunks/pack.ts'
import type { RunEntry } from '../chunks/source.ts'
import type { Verify } from '../chunks/verified.ts'
import { sha256 } from '../content/digest.ts'
import { corrupt, missing } from '../failure.ts'
import { renderAbout } from './about.ts'
import type { About } from './parse.ts'
import {
  aboutMember,
  manifestMember,
  memberSums,
  type NeededChunk,
  neededChunks,
  packChunkBytes,
  packMember,
  sumsMember,
} from './members.ts'
import { decodeManifest } from '../content/encoding.ts'
import { paddingAfter, tarEnd, tarHeader } from './tar.ts'

export interface PortableImage {
  readonly about: About
  /** The manifest's canonical bytes. */
  readonly manifest: Uint8Array
}

/** The bytes of a portable image, one after another; every chunk is checked on the way, whatever the source is. */
export async function* writePortable(
  { about, manifest }: PortableImage,
  source: HealingSource,
  verify: Verify,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const sums = memberSums()
  function* member(name: string, bytes: Uint8Array): Generator<Uint8Array> {
    sums.add(name, sha256(bytes))
    yield tarHeader(name, bytes.length)
    yield bytes
    const padding = paddingAfter(bytes.length)
    if (padding > 0) yield Buffer.alloc(padding)
  }
  yield* member(aboutMember, renderAbout(about))
  yield* member(manifestMember, manifest)
  const chunks = neededChunks(decodeManifest(manifest))
  let packs = 0
  for await (const pack of packsOf(chunks, source, verify, signal)) {
    yield* member(packMember(++packs), pack)
  }
  yield* member(sumsMember, sums.bytes())
  yield tarEnd
}

/** A chunk as it is stored. */
interface Stored {
  readonly entry: RunEntry
  readonly bytes: Uint8Array
}

const batchRawBytes = 8 * 1024 * 1024
const batchesAhead = 3

async function* packsOf(
  chunks: readonly NeededChunk[],
  source: HealingSource,
  verify: Verify,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const fetch = (batch: readonly NeededChunk[]) => fetchBatch(batch, source, verify, signal)
  let pack = startPack()
  for await (const batch of ahead(batchesOf(chunks), batchesAhead, fetch)) {
    for (const chunk of batch) {
      if (pack.add(chunk)) continue
      yield pack.end()
      pack = startPack()
      pack.add(chunk)
    }
  }
  if (!pack.isEmpty()) yield pack.end()
}

function startPack() {
  const bytes = Buffer.allocUnsafeSlow(packHeaderBytes + packChunkBytes)
  const entries: RunEntry[] = []
  let used = packHeader().copy(bytes)
  return {
    isEmpty: () => entries.length === 0,
    /** False if it does not fit any more. */
    add({ entry, bytes: stored }: Stored): boolean {
      if (used + stored.length > bytes.length) return false
      bytes.set(stored, used)
      used += stored.length
      entries.push(entry)
      return true
    },
    end: (): Buffer => Buffer.concat([bytes.subarray(0, used), packTrailer(entries)]),
  }
}

function* batchesOf(chunks: readonly NeededChunk[]): Generator<NeededChunk[]> {
  let batch: NeededChunk[] = []
  let rawBytes = 0
  for (const chunk of chunks) {
    batch.push(chunk)
    rawBytes += chunk.length
    if (rawBytes < batchRawBytes) continue
    yield batch
    batch = []
    rawBytes = 0
  }
  if (batch.length > 0) yield batch
}

/** The chunks of a batch, in its order, whatever the source's is. */
async function fetchBatch(
  batch: readonly NeededChunk[],
  source: HealingSource,
  verify: Verify,
  signal: AbortSignal,
): Promise<Stored[]> {
  const came = new Map<string, Stored>()
  const digests = batch.map(({ digest }) => digest)
  const take = async (run: Parameters<Verify>[0]): Promise<void> => {
    const { entries, payload } = await verify(run, signal)
    let at = 0
    for (const entry of entries) {
      const bytes = payload.subarray(at, (at += entry.storedBytes))
      came.set(entry.digest, { entry, bytes })
    }
  }
  await takeAll(source, digests, take, signal)
  return batch.map((chunk) => asNeeded(chunk, came.get(chunk.digest)))
}

function asNeeded({ digest, length }: NeededChunk, chunk: Stored | undefined): Stored {
  if (chunk === undefined)
    throw missing('CHUNK_NOT_FOUND', `chunk ${digest} did not come`, { digest })
  if (chunk.entry.rawBytes === length) return chunk
  throw corrupt('CHUNK_CORRUPT', `chunk ${digest} is not ${length} bytes long`, { digest })
}
