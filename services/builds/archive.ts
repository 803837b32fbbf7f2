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
      where end_time is not null and log_key is null and log_gone_time is null and log_bytes > 0
      order by name limit 1`
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
      update build set log_key = ${key}
      where name = ${build} and log_key is null and log_gone_time is null`
    if (count > 0) await tx`delete from build_log where build = ${build}`
    return count > 0
  })
  // Another portal was first.
  if (!kept) await blobs.delete(key)
}

/** So many of the newest builds of each recipe keep their logs, however old these are. */
const newestKept = 20
const atOnce = 100

/**
 * Lets go of the logs of builds that ended so long ago, but for those of images that are there and of each recipe's newest: 0 keeps
 * all. The row knows first, so that a crash leaves an object that nobody knows of; how long a log was and its digest stay.
 */
export async function dropLogs(
  { sql, blobs }: Pick<ArchiveDeps, 'sql' | 'blobs'>,
  keepMs: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const dropped: string[] = []
  while (keepMs > 0 && !signal.aborted) {
    const gone = await forgetLogs(sql, keepMs)
    for (const { logKey } of gone) await blobs.delete(logKey)
    dropped.push(...gone.map(({ name }) => name))
    if (gone.length < atOnce) break
  }
  return dropped
}

/** What a report says of its end can be long ago, so it is kept from when it came. */
async function forgetLogs(sql: Sql, keepMs: number) {
  const longAgo = sql`now() - ${keepMs}::float8 * interval '1 millisecond'`
  return sql<{ name: string; logKey: string }[]>`
    update build set log_key = null, log_gone_time = now()
    from (
      select name, log_key from build as old
      where log_key is not null and end_time < ${longAgo} and create_time < ${longAgo}
        and not exists (
          select from image where image.build = old.name and image.storage = 'present')
        and (recipe is null or exists (
          select from build as newer where newer.recipe = old.recipe and newer.name > old.name
          order by newer.name offset ${newestKept - 1} limit 1))
      order by end_time limit ${atOnce} for no key update of old skip locked) as old
    where build.name = old.name returning build.name, old.log_key`
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
