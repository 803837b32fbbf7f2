import type { Run } from '../chunks/source.ts'
import { type Extents, joinExtents } from '../content/extents.ts'
import { internal } from '../failure.ts'
import type { Cut } from './cutting.ts'
import type { Input } from './input.ts'

/** How far an ingest is. */
export interface IngestProgress {
  /** Bytes of the files that are cut, as they were handed in: packed, where they are packed; of a qcow2 those of its disk. */
  readonly readBytes: number
  readonly totalBytes: number
  /** Bytes of the chunks that the store lacked, as far as is known. */
  readonly newRawBytes: number
  /** What the store has taken of these, compressed. */
  readonly sentBytes: number
}

/** What flows from the files to the store, and what is known of it afterwards. */
export interface Supply {
  /** The runs of the cuts; several readers may share them. */
  runsOf(cuts: AsyncIterable<Cut>, stop: AbortSignal): AsyncGenerator<Run, void, undefined>
  /** Why the runs ended early, if they did. */
  fault(): unknown
  /** What each input is made of, once the runs have ended. */
  extents(): Extents[]
}

export function startSupply(
  inputs: readonly Input[],
  report: (progress: IngestProgress) => void,
): Supply {
  const parts = new Map(inputs.map((input): [Input, Extents[]] => [input, []]))
  const totalBytes = inputs.reduce((sum, { inputBytes }) => sum + inputBytes, 0)
  let progress: IngestProgress = { readBytes: 0, totalBytes, newRawBytes: 0, sentBytes: 0 }
  let fault: unknown
  let ended = false
  const add = (readBytes: number, newRawBytes: number, sentBytes: number): void => {
    progress = {
      totalBytes,
      readBytes: progress.readBytes + readBytes,
      newRawBytes: progress.newRawBytes + newRawBytes,
      sentBytes: progress.sentBytes + sentBytes,
    }
    report(progress)
  }
  return {
    async *runsOf(cuts, stop) {
      try {
        for await (const { input, inputBytes, extents, runs } of cuts) {
          parts.get(input)?.push(extents)
          add(
            inputBytes,
            runs.reduce((sum, run) => sum + rawBytes(run), 0),
            0,
          )
          for (const run of runs) {
            const sentBytes = run.payload.length
            yield run
            add(0, 0, sentBytes)
            stop.throwIfAborted()
          }
        }
        ended = true
      } catch (error) {
        fault = stop.aborted ? undefined : error
        throw error
      }
    },
    fault: () => fault,
    extents() {
      if (!ended) throw internal('INTERNAL', 'the store ended before it had taken every chunk')
      return Array.from(parts.values(), joinExtents)
    },
  }
}

function rawBytes({ entries }: Run): number {
  return entries.reduce((sum, entry) => sum + entry.rawBytes, 0)
}
