import type { Sql, Transaction } from '../db/open.ts'
import type { StorageName } from '../images/row.ts'
import type { Page } from '../pages.ts'

export type HoldKindName = 'artifact' | 'lock' | 'materialization' | 'person'

export interface HoldRow {
  readonly id: string
  readonly image: string
  readonly kind: HoldKindName
  readonly owner: string
  readonly reason: string
  readonly link: string
  readonly lock: string | null
  readonly createTime: Date
  readonly expireTime: Date | null
  readonly releaseTime: Date | null
}

const columns = (sql: Sql | Transaction) => sql`
  id, image, kind, owner, reason, link, lock, create_time, expire_time, release_time`

/** Of a hold that counts, as the indexes of those that were not released have it. */
export const active = (sql: Sql | Transaction, now: Date) => sql`
  release_time is null and coalesce(expire_time, 'infinity') > ${now}`

/** An image that somebody wants to hold. */
export interface HoldableRow {
  readonly name: string
  readonly storage: StorageName
  readonly custom: boolean
  readonly shared: boolean
  readonly facility: string | null
}

/**
 * Locks images so that none of them expires until the transaction ends. Whoever expires one takes its row first and then, in another
 * statement, looks for holds: so either it sees these, or this sees that the image has expired.
 */
export async function lockHoldable(
  tx: Transaction,
  names: readonly string[],
): Promise<ReadonlyMap<string, HoldableRow>> {
  const rows = await tx<HoldableRow[]>`
    select name, storage, custom, shared, facility from image
    where name = any(${names as string[]}) order by name for share`
  return new Map(rows.map((row) => [row.name, row]))
}

/** What the holds that are placed together have in common. */
export type NewHolds = Omit<HoldRow, 'id' | 'image' | 'releaseTime'>

export async function insertHolds(
  tx: Transaction,
  holds: NewHolds,
  images: readonly { readonly id: string; readonly image: string }[],
): Promise<void> {
  const { kind, owner, reason, link, lock, createTime, expireTime } = holds
  await tx`
    insert into hold (id, image, kind, owner, reason, link, lock, create_time, expire_time)
    select held.id, held.image, ${kind}, ${owner}, ${reason}, ${link}, ${lock}, ${createTime}, ${expireTime}
    from unnest(${images.map(({ id }) => id)}::text[], ${images.map(({ image }) => image)}::text[])
      as held (id, image)`
}

export async function findHold(tx: Transaction, id: string): Promise<HoldRow | undefined> {
  const [row] = await tx<HoldRow[]>`select ${columns(tx)} from hold where id = ${id}`
  return row
}

/** Locks a hold until the transaction ends. */
export async function lockHold(tx: Transaction, id: string): Promise<HoldRow | undefined> {
  const [row] = await tx<
    HoldRow[]
  >`select ${columns(tx)} from hold where id = ${id} for no key update`
  return row
}

export async function setEnd(tx: Transaction, id: string, expireTime: Date | null): Promise<void> {
  await tx`update hold set expire_time = ${expireTime} where id = ${id}`
}

/** Which holds to end: one, or those of a link or a lock, of everybody or of one owner. */
export type Ending = {
  readonly by: 'hold' | 'link' | 'lock'
  readonly value: string
  readonly owner: string | undefined
}

/** Ends holds that count, so many at most; answers how many. */
export async function releaseHolds(
  tx: Transaction,
  { by, value, owner }: Ending,
  now: Date,
  most: number,
): Promise<number> {
  const which = {
    hold: tx`id = ${value}`,
    link: tx`link = ${value} and link <> ''`,
    lock: tx`lock = ${value}`,
  }[by]
  const released = await tx`
    update hold set release_time = greatest(${now}, create_time) where id in (
      select id from hold
      where ${which} and ${owner === undefined ? tx`true` : tx`owner = ${owner}`} and ${active(tx, now)}
      order by id limit ${most} for no key update)`
  return released.count
}

export interface HoldFilter {
  readonly image: string
  readonly owner: string
  readonly kind: HoldKindName | ''
  readonly link: string
  readonly lock: string
  readonly endedToo: boolean
}

/** Holds, the newest first. Each filter makes a statement of its own, planned by the index that fits it. */
export async function listHolds(
  sql: Sql,
  { image, owner, kind, link, lock, endedToo }: HoldFilter,
  page: Page,
  now: Date,
): Promise<HoldRow[]> {
  const conditions = [
    sql`true`,
    ...(endedToo ? [] : [sql`and ${active(sql, now)}`]),
    ...(image === '' ? [] : [sql`and image = ${image}`]),
    ...(owner === '' ? [] : [sql`and owner = ${owner}`]),
    ...(kind === '' ? [] : [sql`and kind = ${kind}`]),
    ...(link === '' ? [] : [sql`and link = ${link} and link <> ''`]),
    ...(lock === '' ? [] : [sql`and lock = ${lock}`]),
    ...(page.after === '' ? [] : [sql`and id < ${page.after}`]),
  ]
  return sql<HoldRow[]>`
    select ${columns(sql)} from hold where ${conditions} order by id desc limit ${page.size + 1}`
}

/** How many holds of an image count. */
export async function countHolds(sql: Sql, image: string, now: Date): Promise<bigint> {
  const [row] = await sql<{ count: bigint }[]>`
    select count(*) from hold where image = ${image} and ${active(sql, now)}`
  return row?.count ?? 0n
}
