import { codecNumber, codecOf } from '../chunks/entry.ts'
import type { RunEntry } from '../chunks/source.ts'
import { joinDigests, splitDigests } from '../content/digest.ts'

/** The entries of a run as they go between threads: four arrays cost far less to copy than an object a chunk. */
export interface Columns {
  readonly digests: Uint8Array
  readonly codecs: Uint8Array
  readonly storedSizes: Uint32Array
  readonly rawSizes: Uint32Array
}

export function columnsOf(entries: readonly RunEntry[]): Columns {
  return {
    digests: Uint8Array.from(joinDigests(entries.map(({ digest }) => digest))),
    codecs: Uint8Array.from(entries, ({ codec }) => codecNumber(codec)),
    storedSizes: Uint32Array.from(entries, ({ storedBytes }) => storedBytes),
    rawSizes: Uint32Array.from(entries, ({ rawBytes }) => rawBytes),
  }
}

export function entriesOf({ digests, codecs, storedSizes, rawSizes }: Columns): RunEntry[] {
  return splitDigests(digests).map((digest, i) => ({
    digest,
    codec: codecOf(codecs[i] ?? 0) ?? 'raw',
    storedBytes: storedSizes[i] ?? 0,
    rawBytes: rawSizes[i] ?? 0,
  }))
}
