import type { Sql, Transaction } from '../db/open.ts'
import type { ImageRow } from '../images/row.ts'

export interface LockRow {
  readonly id: string
  readonly generation: bigint
  readonly owner: string
  readonly reason: string
  readonly link: string
  readonly createTime: Date
}

/** A node of a lock, with what it pins. */
export interface PinRow {
  readonly node: string
  readonly reference: string
  readonly arch: string
  /** The exact name. */
  readonly image: string
  /** 64 hex digits. */
  readonly digest: string
}

/** How an image stands now. */
export type Standing = Pick<
  ImageRow,
  'name' | 'digest' | 'state' | 'storage' | 'heldBack' | 'replacement'
>

const standing = (sql: Sql | Transaction, names: readonly string[]) => sql`
  select name, encode(digest, 'hex') as digest, state, storage, held_back, replacement
  from image join manifest on manifest.id = image.manifest
  where name = any(${names as string[]}) order by name`

/** How these images stand, by name; what is not there is left out. */
export async function findStandings(
  sql: Sql,
  names: readonly string[],
): Promise<ReadonlyMap<string, Standing>> {
  const rows = await sql<Standing[]>`${standing(sql, names)}`
  return new Map(rows.map((row) => [row.name, row]))
}

/** The same, and nobody changes them until the transaction ends. */
export async function holdStandings(
  tx: Transaction,
  names: readonly string[],
): Promise<ReadonlyMap<string, Standing>> {
  const rows = await tx<Standing[]>`${standing(tx, names)} for share of image`
  return new Map(rows.map((row) => [row.name, row]))
}

export async function insertLock(
  tx: Transaction,
  lock: LockRow,
  pins: readonly PinRow[],
): Promise<void> {
  const { id, generation, owner, reason, link, createTime } = lock
  await tx`
    insert into lock (id, generation, owner, reason, link, create_time)
    values (${id}, ${generation}, ${owner}, ${reason}, ${link}, ${createTime})`
  const column = (name: keyof PinRow) => pins.map((pin) => pin[name])
  await tx`
    insert into lock_node (lock, node, reference, arch, image, digest)
    select ${id}, node, reference, arch, image, decode(digest, 'hex')
    from unnest(${column('node')}::text[], ${column('reference')}::text[],
      ${column('arch')}::text[], ${column('image')}::text[], ${column('digest')}::text[])
      as pin (node, reference, arch, image, digest)`
}

export async function findLock(sql: Sql, id: string): Promise<LockRow | undefined> {
  const [row] = await sql<LockRow[]>`
    select id, generation, owner, reason, link, create_time from lock where id = ${id}`
  return row
}

/** The nodes of a lock, in no order. */
export async function findPins(sql: Sql, lock: string): Promise<readonly PinRow[]> {
  return sql<PinRow[]>`
    select node, reference, arch, image, encode(digest, 'hex') as digest
    from lock_node where lock = ${lock}`
}
