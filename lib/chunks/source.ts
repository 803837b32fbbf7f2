import type { Digest } from '../content/digest.ts'

/** How the bytes of a chunk are stored and sent. */
export type Codec = 'raw' | 'zstd'

/** One chunk of a run. */
export interface RunEntry {
  readonly digest: Digest
  readonly codec: Codec
  /** Bytes in the payload. */
  readonly storedBytes: number
  /** Bytes of the chunk itself; its digest is taken over these. */
  readonly rawBytes: number
  /** What its stored bytes are recognised by (fingerprint.ts), once they were decoded and checked here. */
  readonly fingerprint?: Uint8Array | undefined
}

/**
 * Stored chunks one after another, as they lie in a pack: the unit that moves between disk, wire and workers. A run belongs to
 * whoever was handed it last, who may move its payload to another thread or give the memory back.
 */
export interface Run {
  readonly entries: readonly RunEntry[]
  readonly payload: Uint8Array
  /** What whoever sent it says that its chunks are recognised by, joined; worth as much as his word. */
  readonly told?: Uint8Array | undefined
}

/** The largest payload of one run that is sent. */
export const maxRunBytes = 1024 * 1024

/** Where chunks come from: a store on this machine, a peer or the portal. */
export interface ChunkSource {
  /** Those of the digests that this source does not hold, each once, in the order given. */
  missing(digests: readonly Digest[], signal?: AbortSignal): Promise<Digest[]>
  /**
   * The chunks, each once, in runs of at most `maxRunBytes`, in the order that suits the source. A chunk that is not
   * there ends the stream with CHUNK_NOT_FOUND.
   */
  fetch(digests: readonly Digest[], signal?: AbortSignal): AsyncIterable<Run>
}

/** Where chunks are kept. */
export interface ChunkStore extends ChunkSource {
  /**
   * Keeps the chunks and resolves once they are durable. The bytes are taken as verified (see `verified`); a chunk that is
   * already there is skipped. When the input fails, what came before it may have been kept.
   */
  store(runs: AsyncIterable<Run>, signal?: AbortSignal): Promise<void>
  /** Forgets the chunks; unknown ones are none of its business. */
  remove(digests: readonly Digest[]): Promise<void>
}
