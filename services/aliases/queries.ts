import type { Line } from '../../lib/names/name.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { ownedBy } from '../images/lines.ts'
import type { ImageStateName, StorageName } from '../images/row.ts'
import type { Page } from '../pages.ts'

/** An alias that is there. */
export interface AliasRow extends AliasFacts {
  readonly image: string
}

/** One that was deleted, and can be made again. */
export interface DeletedRow extends AliasFacts {
  readonly image: null
}

interface AliasFacts {
  readonly name: string
  /** As `renderLine` writes it; empty if it follows none. */
  readonly follows: string
  readonly paused: boolean
  readonly actor: string
  readonly reason: string
  readonly updateTime: Date
  readonly version: number
}

export type MoveKind = 'set' | 'follow' | 'rollback' | 'resume' | 'delete'

/** One move that was made. */
export interface MoveRow {
  readonly version: number
  readonly kind: MoveKind
  readonly image: string | null
  readonly actor: string
  readonly reason: string
  readonly time: Date
}

const columns = (sql: Sql | Transaction) =>
  sql`name, image, follows, paused, actor, reason, update_time, version`

export async function findAlias(
  sql: Sql | Transaction,
  name: string,
): Promise<AliasRow | DeletedRow | undefined> {
  const [row] = await sql<
    (AliasRow | DeletedRow)[]
  >`select ${columns(sql)} from alias where name = ${name}`
  return row
}

/** Locks the alias until the transaction ends. */
export async function lockAlias(
  tx: Transaction,
  name: string,
): Promise<AliasRow | DeletedRow | undefined> {
  const [row] = await tx<
    (AliasRow | DeletedRow)[]
  >`select ${columns(tx)} from alias where name = ${name} for update`
  return row
}

/** Makes a row for the alias to be locked by, if nobody has: before its first move it is as good as deleted. */
export async function makeAlias(
  tx: Transaction,
  name: string,
  facility: string | null,
): Promise<void> {
  await tx`
    insert into alias (name, facility, image, actor, version)
    values (${name}, ${facility}, null, '', 0) on conflict do nothing`
}

/** The aliases that point at these images. */
export async function aliasesOf(sql: Sql, images: readonly string[]): Promise<AliasRow[]> {
  return sql<AliasRow[]>`
    select ${columns(sql)} from alias where image = any(${images as string[]}) order by name`
}

export async function listAliases(sql: Sql, namespace: string, page: Page): Promise<AliasRow[]> {
  return sql<AliasRow[]>`
    select ${columns(sql)} from alias
    where name > ${page.after} and image is not null
      and (${namespace} = '' or coalesce(facility, 'portal') = ${namespace})
    order by name limit ${page.size + 1}`
}

/** The moves of an alias, newest first. */
export async function listMoves(sql: Sql, name: string, page: Page): Promise<MoveRow[]> {
  return sql<MoveRow[]>`
    select version, kind, image, actor, reason, time from alias_move
    where alias = ${name} and (${page.after} = '' or version < nullif(${page.after}, '')::bigint)
    order by version desc limit ${page.size + 1}`
}

/** Where the alias pointed after a move; undefined if there was none with this version. */
export async function findMove(
  tx: Transaction,
  name: string,
  version: bigint,
): Promise<Pick<MoveRow, 'image'> | undefined> {
  const [row] = await tx<Pick<MoveRow, 'image'>[]>`
    select image from alias_move where alias = ${name} and version::text = ${String(version)}`
  return row
}

/** The image before this one that the alias pointed at last. */
export async function imageBefore(
  tx: Transaction,
  name: string,
  image: string,
): Promise<string | undefined> {
  const [row] = await tx<{ image: string }[]>`
    select image from alias_move where alias = ${name} and image <> ${image}
    order by version desc limit 1`
  return row?.image
}

/** How an image stands that an alias should point at; it stays so until the transaction ends. */
export async function holdImage(
  tx: Transaction,
  name: string,
): Promise<
  | {
      readonly state: ImageStateName
      readonly storage: StorageName
      readonly replacement: string | null
    }
  | undefined
> {
  const [row] = await tx<
    { state: ImageStateName; storage: StorageName; replacement: string | null }[]
  >`select state, storage, replacement from image where name = ${name} for share`
  return row
}

/** The newest released image of a line. Who has locked the line knows that it stays the newest. */
export async function newestReleased(tx: Transaction, line: Line): Promise<string | undefined> {
  const { namespace, distro, release, role, arch } = line
  const [row] = await tx<{ name: string }[]>`
    select name from image
    where ${ownedBy(tx, namespace)} and distro = ${distro} and release = ${release} and role = ${role}
      and arch = ${arch} and state = 'released' and storage = 'present' and not held_back
    order by point desc, day desc, serial desc limit 1`
  return row?.name
}

/** The roles of a facility's own images; those of the portal's are all in the catalogue. */
export async function rolesOf(sql: Sql, namespace: string): Promise<ReadonlySet<string>> {
  if (namespace === '') return new Set()
  const rows = await sql<{ role: string }[]>`
    select distinct role from image where facility = ${namespace}`
  return new Set(rows.map(({ role }) => role))
}

/** Locks the aliases, in one order, that follow the line, are not paused and point elsewhere. */
export async function lockFollowers(
  tx: Transaction,
  line: string,
  image: string,
): Promise<string[]> {
  const rows = await tx<{ name: string }[]>`
    select name from alias
    where follows = ${line} and follows <> '' and not paused and image is distinct from ${image}
    order by name for update`
  return rows.map(({ name }) => name)
}

/** A move as it is to be made. */
export interface Move {
  readonly kind: MoveKind
  readonly image: string | null
  readonly follows: string
  readonly paused: boolean
  readonly actor: string
  readonly reason: string
}

/**
 * Moves aliases that are locked, and keeps the moves. The time is taken under the lock, and never goes back: an alias is
 * where its history says at any time.
 */
export async function moveAliases(
  tx: Transaction,
  names: readonly string[],
  move: Move,
): Promise<AliasRow[]> {
  const { kind, image, follows, paused, actor, reason } = move
  return tx<AliasRow[]>`
    with moved as (
      update alias set image = ${image}, follows = ${follows}, paused = ${paused},
        actor = ${actor}, reason = ${reason}, version = version + 1,
        update_time = greatest(clock_timestamp(), update_time + interval '1 microsecond')
      where name = any(${names as string[]})
      returning ${columns(tx)}
    ), kept as (
      insert into alias_move (alias, version, kind, image, actor, reason, time)
      select name, version, ${kind}, image, actor, reason, update_time from moved
    )
    select ${columns(tx)} from moved`
}
