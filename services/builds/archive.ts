import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import { decodeTime } from 'ulid'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import type { Sql } from '../db/open.ts'

const compress = promisify(zstdCompress)

const folder = 'logs/'
const graceMs = 24 * 60 * 60 * 1000

interface ArchiveDeps {
  readonly sql: Sql
  readonly blobs: BlobStore
  readonly newUlid: () => string
}

/** Makes one object of the log of each build that has ended; the object is durable before the rows go. */
export async function archiveLogs(deps: ArchiveDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    const [ended] = await deps.sql<{ name: string }[]>`
      select name from build
      where end_time is not null and log_key is null and log_bytes > 0 order by name limit 1`
    if (ended === undefined) return
    await archive(ended.name, deps, signal)
    signal.throwIfAborted()
  }
}

async function archive(
  build: string,
  { sql, blobs, newUlid }: ArchiveDeps,
  signal: AbortSignal,
): Promise<void> {
  const rows = await sql<{ data: Buffer }[]>`
    select data from build_log where build = ${build} order by position`
  const key = `${folder}${newUlid()}`
  await blobs.put(key, [await compress(Buffer.concat(rows.map(({ data }) => data)))], signal)
  const kept = await sql.begin(async (tx) => {
    const { count } = await tx`
      update build set log_key = ${key} where name = ${build} and log_key is null`
    if (count > 0) await tx`delete from build_log where build = ${build}`
    return count > 0
  })
  // Another portal was first.
  if (!kept) await blobs.delete(key)
}

/** A crash can leave objects that nobody knows of; a young one may be another portal's, at work. */
export async function sweepLogs(
  { sql, blobs }: Pick<ArchiveDeps, 'sql' | 'blobs'>,
  now: Date,
): Promise<void> {
  const old = now.getTime() - graceMs
  for await (const { key } of blobs.list(folder)) {
    if (decodeTime(key.slice(folder.length)) >= old) continue
    const known = await sql`select from build where log_key = ${key}`
    if (known.length === 0) await blobs.delete(key)
  }
}
