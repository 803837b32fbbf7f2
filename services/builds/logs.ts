import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { exhausted, invalid, precondition } from '../../lib/failure.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { buildNotFound, type BuildRow } from './queries.ts'

/** The parts in which logs come, and go. */
export const partBytes = 256 * 1024

/** A piece of a log, and where in it. */
export interface LogPart {
  readonly offset: bigint
  readonly data: Buffer
}

/** Adds to a locked build's log where it ends, and answers where it ends then; what is there already is not added again. */
export async function appendLog(
  tx: Transaction,
  { name, logBytes, logLimit }: BuildRow,
  { offset, data }: LogPart,
): Promise<bigint> {
  if (offset !== logBytes) {
    if (await isThere(tx, name, { offset, data })) return logBytes
    const text = `The log of ${name} ends at byte ${logBytes}, and this does not fit there: begin at that byte.`
    throw precondition('LOG_GAP', text, { offset: String(logBytes) })
  }
  if (logBytes + BigInt(data.length) > logLimit) {
    const text = `The log of ${name} has reached its limit of ${logLimit} bytes: end the build.`
    throw exhausted('LOG_FULL', text, { limit: String(logLimit) })
  }
  return insertPart(tx, name, { offset, data })
}

/** Adds a line of the portal's own to a locked build's log, which no limit keeps out. */
export async function noteInLog(tx: Transaction, build: string, line: string): Promise<void> {
  const [row] = await tx<{ logBytes: bigint }[]>`select log_bytes from build where name = ${build}`
  await insertPart(tx, build, { offset: row?.logBytes ?? 0n, data: Buffer.from(`-- ${line}\n`) })
}

async function insertPart(
  tx: Transaction,
  build: string,
  { offset, data }: LogPart,
): Promise<bigint> {
  const end = offset + BigInt(data.length)
  await tx`insert into build_log (build, position, data) values (${build}, ${offset}, ${data})`
  await tx`update build set log_bytes = ${end} where name = ${build}`
  return end
}

async function isThere(tx: Transaction, build: string, part: LogPart): Promise<boolean> {
  const [row] = await tx<{ data: Buffer }[]>`
    select data from build_log where build = ${build} and position = ${part.offset}`
  return row?.data.equals(part.data) === true
}

/** The SHA-256 of a build's log, in hex, while it is rows. */
export async function digestLog(tx: Transaction, build: string): Promise<string> {
  const hash = createHash('sha256')
  const rows = tx<{ data: Buffer }[]>`
    select data from build_log where build = ${build} order by position`
  for await (const some of rows.cursor(16)) for (const { data } of some) hash.update(data)
  return hash.digest('hex')
}

/** A build's log from a byte on, as far as it goes now; INVALID_FIELD where it does not go so far, LOG_EXPIRED where it is gone. */
export async function* readLog(
  { sql, blobs }: { readonly sql: Sql; readonly blobs: Pick<BlobStore, 'range' | 'stat'> },
  build: string,
  from: bigint,
): AsyncGenerator<LogPart, void, undefined> {
  for (let at = from, last = false; !last;) {
    const { key, goneTime, end, rows } = await someRows(sql, build, at)
    if (at > end) throw beyond(build, from, end)
    if (at === end) return
    if (goneTime !== null) throw gone(build, goneTime)
    if (key !== null) return yield* archived(blobs, key, at)
    const [first] = rows
    if (first === undefined) return
    const data = Buffer.concat(rows.map((row) => row.data)).subarray(Number(at - first.position))
    yield* cut(data, 0n, at)
    at += BigInt(data.length)
    last = at >= end || data.length === 0
  }
}

/** The log of an object, from a byte on. */
async function* archived(
  blobs: Pick<BlobStore, 'range' | 'stat'>,
  key: string,
  at: bigint,
): AsyncGenerator<LogPart, void, undefined> {
  let offset = 0n
  for await (const bytes of expanded(blobs, key)) {
    const end = offset + BigInt(bytes.length)
    if (end > at) yield* cut(bytes, at > offset ? at - offset : 0n, offset)
    offset = end
  }
}

interface PartRow {
  readonly position: bigint
  readonly data: Buffer
}

interface LogRow {
  readonly logKey: string | null
  readonly logGoneTime: Date | null
  readonly logBytes: bigint
}

/** In one statement, or the rows could become an object between two. */
async function someRows(sql: Sql, build: string, at: bigint) {
  const found = await sql<(LogRow & (PartRow | { position: null; data: null }))[]>`
    select log_key, log_gone_time, log_bytes, part.position, part.data
    from build left join lateral (
      select position, data from build_log
      where build_log.build = build.name and position >= coalesce((
        select max(position) from build_log as before
        where before.build = build.name and position <= ${at}), 0)
      order by position limit 16) as part on log_key is null
    where build.name = ${build} order by part.position`
  const [head] = found
  if (head === undefined) throw buildNotFound(build)
  const rows = found.flatMap(({ position, data }): PartRow[] =>
    position === null ? [] : [{ position, data }],
  )
  return { key: head.logKey, goneTime: head.logGoneTime, end: head.logBytes, rows }
}

/** A log that was put away, as it is read: whoever reads slowly holds no more of it. */
async function* expanded(
  blobs: Pick<BlobStore, 'range' | 'stat'>,
  key: string,
): AsyncGenerator<Buffer, void, undefined> {
  const sizeBytes = (await blobs.stat(key))?.sizeBytes ?? 0
  async function* stored(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < sizeBytes; at += partBytes)
      yield await blobs.range(key, at, Math.min(partBytes, sizeBytes - at))
  }
  yield* Readable.from(stored()).compose(createZstdDecompress()) as AsyncIterable<Buffer>
}

/** The bytes from one on, in parts; `shift` is where in the log the first of all lies. */
function* cut(bytes: Buffer, from: bigint, shift = 0n): Generator<LogPart, void, undefined> {
  for (let at = Number(from); at < bytes.length; at += partBytes) {
    yield { offset: shift + BigInt(at), data: bytes.subarray(at, at + partBytes) }
  }
}

function beyond(build: string, from: bigint, end: bigint) {
  const text = `The log of ${build} has ${end} bytes, and does not reach to byte ${from}.`
  return invalid('INVALID_FIELD', text, { field: 'offset', end: String(end) })
}

function gone(build: string, time: Date) {
  const since = time.toISOString()
  const text = `The log of ${build} was kept for its time, and is gone since ${since.slice(0, 10)}; "mrg-image show build ${build}" shows what else is known of it.`
  return precondition('LOG_EXPIRED', text, { time: since })
}
