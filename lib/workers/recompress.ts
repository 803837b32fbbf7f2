import { chunkEncoder } from '../content/codec.ts'
import { type Columns, columnsOf } from './columns.ts'
import { done, type Outcome } from './task.ts'
import { type MovedRun, rawChunk, storedChunks } from './verify.ts'

const encode = chunkEncoder()

/** A run whose chunks are as stored, and so in memory of its own. */
export interface Recompressed {
  readonly columns: Columns
  readonly payload: Uint8Array<ArrayBuffer>
}

/** Checks every chunk against its digest, and compresses those that are stored raw, where that makes them smaller. */
export function recompress(run: MovedRun): Outcome<Recompressed> {
  const room = Buffer.allocUnsafeSlow(run.payload.length)
  let used = 0
  const entries = storedChunks(run).map(({ entry, stored }) => {
    const raw = rawChunk(entry, stored)
    const { codec, bytes } =
      entry.codec === 'raw' ? encode(raw) : { codec: entry.codec, bytes: stored }
    room.set(bytes, used)
    used += bytes.length
    return { ...entry, codec, storedBytes: bytes.length }
  })
  const payload = room.subarray(0, used)
  return done({ columns: columnsOf(entries), payload }, [room.buffer])
}
