import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import { isAmong } from '../chunks/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { StorageName } from '../images/row.ts'

export type MoveKind = 'archive' | 'restore'

/** An image whose bytes are to move. */
export interface Move {
  readonly image: string
  readonly kind: MoveKind
  /** The upload by which they are leased where they go to; names the move too. */
  readonly lease: string
  readonly actor: string
  readonly reason: string
  readonly run: string | null
}

/** Whose the leases of moves are; no caller is called so. */
export const mover = { name: 'system', role: { kind: 'portal' } } as const

export async function findMove(tx: Transaction, image: string): Promise<Move | undefined> {
  const [row] = await tx<Move[]>`
    select image, kind, lease, actor, reason, run from move where image = ${image}`
  return row
}

/** Begins a move; whoever moves images takes it from here. */
export async function insertMove(tx: Transaction, move: Move): Promise<void> {
  const { image, kind, lease, actor, reason, run } = move
  await tx`
    insert into upload (id, caller, target, expire_time)
    values (${lease}, ${mover.name}, ${image}, now() + interval '1 day')`
  await tx`
    insert into move (image, kind, lease, actor, reason, run)
    values (${image}, ${kind}, ${lease}, ${actor}, ${reason}, ${run})`
}

/** Whoever moves an image says so every second; one that has not for so long is followed by another. */
const lapse = '5 seconds'

/** A move that nobody works at, the ones that failed before last. */
export async function claimMove(sql: Sql): Promise<Move | undefined> {
  const [row] = await sql<Move[]>`
    update move set lease_time = now() where image = (
      select image from move
      where lease_time is null or lease_time < now() - ${lapse}::interval
      order by error <> '', create_time limit 1 for update skip locked)
    returning image, kind, lease, actor, reason, run`
  return row
}

export interface MoveProgress {
  totalBytes: number
  doneBytes: number
}

/**
 * Says how far a move is, and that somebody works at it; what it brought is kept for another day, also where nobody has worked
 * at it for longer than that.
 */
export async function renewMove(
  sql: Sql,
  lease: string,
  { totalBytes, doneBytes }: MoveProgress,
): Promise<void> {
  await sql`
    update move set lease_time = now(), total_bytes = ${totalBytes}, done_bytes = ${doneBytes}
    where lease = ${lease}`
  await sql`
    update upload set expire_time = now() + interval '1 day', state = 'open'
    where id = ${lease} and state in ('open', 'lapsed') and expire_time < now() + interval '23 hours'`
}

/** Gives a move up for a while, and says why. */
export async function failMove(
  sql: Sql,
  lease: string,
  error: string,
  restMs: number,
): Promise<void> {
  await sql`
    update move set error = ${error},
      lease_time = now() - ${lapse}::interval + ${restMs}::float8 * interval '1 millisecond'
    where lease = ${lease}`
}

/** Leaves a move to whoever comes next. */
export async function leaveMove(sql: Sql, lease: string): Promise<void> {
  await sql`update move set lease_time = null where lease = ${lease}`
}

/** The same for all that a portal of this database was at when it ended, where there is only one. */
export async function leaveAll(sql: Sql): Promise<void> {
  await sql`update move set lease_time = null where lease_time <= now()`
}

/** Ends a move, and the lease with it; false if somebody has. */
export async function endMove(tx: Transaction, { lease }: Move): Promise<boolean> {
  const { count } = await tx`delete from move where lease = ${lease}`
  await tx`update upload set state = 'committed' where id = ${lease} and state = 'open'`
  return count > 0
}

/** What the chunks take in a store, as far as they are there. */
export async function storedBytesOf(sql: Sql, digests: readonly Digest[]): Promise<number> {
  if (digests.length === 0) return 0
  const [row] = await sql<{ bytes: number }[]>`
    select coalesce(sum(stored_bytes), 0)::float8 as bytes from chunk
    where ${isAmong(sql, joinDigests(digests))}`
  return row?.bytes ?? 0
}

/** Tells the run of retention that began a move what became of it. */
export async function settleItem(
  tx: Transaction,
  { run, image }: Move,
  outcome: 'done' | 'left',
  message: string,
): Promise<void> {
  if (run === null) return
  await tx`
    update retention_item set outcome = ${outcome}, outcome_message = ${message}
    where run = ${run} and image = ${image} and outcome = ''`
}

/** Where the image's bytes are, and the digest of its manifest. */
export async function findContent(
  sql: Sql,
  image: string,
): Promise<{ readonly storage: StorageName; readonly digest: Digest } | undefined> {
  const [row] = await sql<{ storage: StorageName; digest: Digest }[]>`
    select storage, encode(digest, 'hex') as digest
    from image join manifest on manifest.id = image.manifest where image.name = ${image}`
  return row
}
