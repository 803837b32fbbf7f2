import type { Labels } from '../../lib/labels.ts'
import { missing, precondition, type Failure } from '../../lib/failure.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Sql, Transaction } from '../db/open.ts'

export interface UploadRow {
  readonly id: string
  readonly caller: string
  readonly target: string
  readonly day: string
  readonly notes: string
  readonly labels: Labels
  readonly state: 'open' | 'committed' | 'aborted' | 'lapsed'
  readonly expired: boolean
  readonly expireTime: Date
  readonly image: string | null
  /** Whether the bytes stay at the target's facility, and how it keeps them. */
  readonly custom: boolean
  readonly days: number
  readonly shared: boolean
  /** The exact name of the image whose bytes are to come back; null where a new one is made. */
  readonly restores: string | null
}

const lease = '24 hours'

const columns = (sql: Sql | Transaction) => sql`
  id, caller, target, day, notes, labels, state, expire_time, expire_time < now() as expired, image,
  custom, days, shared, restores`

export async function insertUpload(
  tx: Transaction,
  upload: Pick<
    UploadRow,
    | 'id'
    | 'caller'
    | 'target'
    | 'day'
    | 'notes'
    | 'labels'
    | 'custom'
    | 'days'
    | 'shared'
    | 'restores'
  >,
): Promise<UploadRow> {
  const { id, caller, target, day, notes, labels, custom, days, shared, restores } = upload
  const [row] = await tx<UploadRow[]>`
    insert into upload (id, caller, target, day, notes, labels, expire_time, custom, days, shared, restores)
    values (${id}, ${caller}, ${target}, ${day}, ${notes}, ${tx.json(labels)}, now() + ${lease}::interval, ${custom}, ${days}, ${shared},
      ${restores})
    returning ${columns(tx)}`
  return row ?? never(id)
}

/** The caller's upload, in whatever state. */
export async function findUpload(
  sql: Sql | Transaction,
  id: string,
  caller: Caller,
): Promise<UploadRow> {
  const [row] = await sql<UploadRow[]>`
    select ${columns(sql)} from upload where id = ${uuidOrNull(id)} and caller = ${caller.name}`
  if (row === undefined) throw noUpload(id)
  return row
}

/** Locks the caller's open upload until the transaction ends. */
export async function lockOpenUpload(
  tx: Transaction,
  id: string,
  caller: Caller,
): Promise<UploadRow> {
  const [row] = await tx<UploadRow[]>`
    select ${columns(tx)} from upload
    where id = ${uuidOrNull(id)} and caller = ${caller.name} for no key update`
  return open(row, id)
}

/** Gives the caller's open upload another full lease. */
export async function renewUpload(sql: Sql, id: string, caller: Caller): Promise<void> {
  const renewed = await sql`
    update upload set expire_time = now() + ${lease}::interval
    where id = ${uuidOrNull(id)} and caller = ${caller.name} and state = 'open' and expire_time > now()
      and not custom`
  if (renewed.count > 0) return
  const { custom } = open(await findUpload(sql, id, caller), id)
  if (!custom) return
  const text = `Upload ${id} keeps its bytes at the facility: commit it, and store nothing here.`
  throw precondition('UPLOAD_CLOSED', text, { id })
}

export async function closeUpload(
  tx: Transaction,
  id: string,
  state: 'committed' | 'aborted',
  image: string | null,
): Promise<UploadRow> {
  const [row] = await tx<UploadRow[]>`
    update upload set state = ${state}, image = ${image} where id = ${id} returning ${columns(tx)}`
  return row ?? never(id)
}

function open(row: UploadRow | undefined, id: string): UploadRow {
  if (row === undefined) throw noUpload(id)
  if (row.state === 'open' && !row.expired) return row
  const lapsed = row.state === 'open' || row.state === 'lapsed'
  const how = lapsed ? 'its lease has run out' : `it is ${row.state}`
  throw precondition('UPLOAD_CLOSED', `Upload ${id} is closed: ${how}. Begin a new one.`, { id })
}

/** What is no id of an upload finds none, and what is one finds it by the key. */
export function uuidOrNull(id: string): string | null {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id) ? id : null
}

function noUpload(id: string): Failure {
  return missing('UPLOAD_NOT_FOUND', `You have no upload "${id}".`, { id })
}

function never(id: string): never {
  throw new Error(`upload ${id} was written and is not there`)
}
