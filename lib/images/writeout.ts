import { type HealingSource, takeAll } from '../chunks/healing.ts'
import type { Run } from '../chunks/source.ts'
import type { Artifact } from '../content/manifest.ts'
import type { Pool } from '../workers/pool.ts'
import { movedRun } from '../workers/verifier.ts'
import { checkAbsent, createPartial, type Partial } from './partial.ts'
import { awaiting, batchesOf, type Place, placesOf } from './placing.ts'
import { reporting } from './reporting.ts'
import { together } from '../chunks/together.ts'

/** How far a write-out is. */
export interface WriteProgress {
  /** Bytes of data that are in the file; holes are not written. */
  readonly writtenBytes: number
  readonly totalBytes: number
  /** Compressed bytes that came from the source. */
  readonly fetchedBytes: number
}

export interface WriteOptions {
  /** Whether a file that is already there may be replaced. */
  readonly replace: boolean
  /** A word that no other write-out to the same path uses. */
  readonly random: string
}

/** About 8 MiB stored, at the usual rate of compression. */
const batchRawBytes = 24 * 1024 * 1024

/** Writes the artifact as a sparse file, which appears at the path whole and verified or not at all. */
export function writeOut(
  artifact: Artifact,
  source: HealingSource,
  path: string,
  pool: Pool,
  { replace, random }: WriteOptions,
  signal?: AbortSignal,
): AsyncGenerator<WriteProgress, void, undefined> {
  return reporting(async (report, stop) => {
    if (!replace) await checkAbsent(path)
    await using partial = await createPartial(path, random, artifact.sizeBytes)
    const places = placesOf(artifact.extents)
    const wrote = tally(places, report)
    const batches = batchesOf(places, batchRawBytes)
    // More than there are threads, so that the source reads on while they work.
    const writers = { length: pool.threads + 2 }
    await together((both) => {
      const write = batchWriter(partial, source, pool, wrote, both)
      return Array.from(writers, () => write(batches))
    }, stop)
    await partial.publish(replace)
  }, signal)
}

/** Takes batches and puts their chunks into the file, as long as there are any. */
function batchWriter(
  { handle, target }: Partial,
  source: HealingSource,
  pool: Pool,
  wrote: (run: Run, offsets: readonly (readonly number[])[]) => void,
  stop: AbortSignal,
) {
  return async (batches: Iterable<readonly Place[]>): Promise<void> => {
    for (const batch of batches) {
      const rest = awaiting(batch)
      const digests = batch.map(({ digest }) => digest)
      const put = async (run: Run): Promise<void> => {
        const offsets = run.entries.map(rest.place)
        const moved = movedRun(run)
        const placed = { ...moved, path: target, fd: handle.fd, offsets }
        await pool.run('expand', placed, stop, [moved.payload.buffer])
        rest.came(run.entries)
        wrote(run, offsets)
      }
      await takeAll(source, digests, put, stop)
      rest.checkComplete()
    }
  }
}

function tally(places: readonly Place[], report: (progress: WriteProgress) => void) {
  const bytesOf = (sum: number, length: number, offsets: readonly number[]): number =>
    sum + length * offsets.length
  const totalBytes = places.reduce((sum, place) => bytesOf(sum, place.length, place.offsets), 0)
  let writtenBytes = 0
  let fetchedBytes = 0
  return ({ entries }: Run, offsets: readonly (readonly number[])[]): void => {
    entries.forEach(({ storedBytes, rawBytes }, i) => {
      fetchedBytes += storedBytes
      writtenBytes = bytesOf(writtenBytes, rawBytes, offsets[i] ?? [])
    })
    report({ writtenBytes, totalBytes, fetchedBytes })
  }
}
