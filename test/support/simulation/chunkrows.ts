import type { DatabaseSync } from 'node:sqlite'
import { codecOf } from '../../../lib/chunks/entry.ts'
import type { Run } from '../../../lib/chunks/source.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { rawChunk } from '../../../lib/workers/verify.ts'
import type { Inode } from './disk.ts'
import type { Host } from './host.ts'

/** Where an agent's rows say that a chunk lies. */
export interface ChunkRow {
  readonly digest: Digest
  readonly key: string
  readonly offset: number
  readonly storedBytes: number
  readonly rawBytes: number
  readonly codec: number
}

const chunksSql = `SELECT lower(hex(digest)) AS digest, key, offset, stored_bytes AS storedBytes,
  raw_bytes AS rawBytes, codec FROM chunk JOIN pack ON pack.id = chunk.pack`

export function chunkRowsOf(db: DatabaseSync): ChunkRow[] {
  return db.prepare(chunksSql).all() as unknown as ChunkRow[]
}

export function fileOf({ name, disk }: Host, key: string): Inode | undefined {
  return disk.file(pathOf(name, key))
}

export function pathOf(host: string, key: string): string {
  return `/${host}/chunks/${key}`
}

/** What is wrong with the bytes that a row names. */
export function bytesFlaw(row: ChunkRow, { bytes }: Inode): string | undefined {
  const { digest, offset, storedBytes, rawBytes } = row
  const codec = codecOf(row.codec)
  if (codec === undefined) return `an unknown codec`
  const payload = bytes.subarray(offset, offset + storedBytes)
  return runFlaw({ entries: [{ digest, codec, storedBytes, rawBytes }], payload })
}

/** The parts of a run have their digests. */
export function runFlaw({ entries, payload }: Run): string | undefined {
  let at = 0
  for (const entry of entries) {
    try {
      rawChunk(entry, payload.subarray(at, (at += entry.storedBytes)))
    } catch {
      return `other bytes for ${entry.digest}`
    }
  }
  return undefined
}
