import { hash } from 'node:crypto'
import { fingerprintAt, fingerprintOf, joinFingerprints } from '../chunks/fingerprint.ts'
import type { RunEntry } from '../chunks/source.ts'
import { chunkDecoder } from '../content/codec.ts'
import { corrupt } from '../failure.ts'
import { type Columns, entriesOf } from './columns.ts'
import { done, type Outcome } from './task.ts'

/** A run whose payload moves to the thread and back. */
export interface MovedRun {
  readonly columns: Columns
  readonly payload: Uint8Array<ArrayBuffer>
}

/**
 * Gives the payload back if every chunk of the run has its digest, and throws CHUNK_CORRUPT otherwise. A chunk that has the
 * fingerprint that is known is not decoded.
 */
export function verify({
  columns,
  payload,
  known,
}: MovedRun & { readonly known?: Uint8Array | undefined }): Outcome<Uint8Array<ArrayBuffer>> {
  for (const [i, { entry, stored }] of storedChunks({ columns, payload }).entries()) {
    const fingerprint = known && fingerprintAt(known, i)
    if (fingerprint !== undefined && fingerprintOf(entry, stored).equals(fingerprint)) continue
    rawChunk(entry, stored)
  }
  return done(payload, [payload.buffer])
}

/** The payload of a run whose chunks all have their digests, and what they are recognised by from now on. */
export function fingerprint(run: MovedRun): Outcome<{
  readonly payload: Uint8Array<ArrayBuffer>
  readonly fingerprints: Uint8Array
}> {
  const { payload } = run
  const fingerprints = storedChunks(run).map(({ entry, stored }) => {
    rawChunk(entry, stored)
    return fingerprintOf(entry, stored)
  })
  return done({ payload, fingerprints: joinFingerprints(fingerprints) }, [payload.buffer])
}

/** The chunks of a run, each with its stored bytes. */
export function storedChunks({ columns, payload }: MovedRun) {
  let at = 0
  return entriesOf(columns).map((entry) => {
    const stored = payload.subarray(at, (at += entry.storedBytes))
    return { entry, stored }
  })
}

const decode = chunkDecoder()

/** The bytes of the chunk, which have its digest; they hold until the next chunk. */
export function rawChunk(entry: RunEntry, stored: Uint8Array): Uint8Array {
  const raw = decode(entry, stored)
  const { digest } = entry
  if (hash('sha256', raw, 'hex') === digest) return raw
  throw corrupt('CHUNK_CORRUPT', `the bytes sent for chunk ${digest} are others`, { digest })
}
