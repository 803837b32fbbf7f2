import { denied, exhausted, invalid, precondition, type Failure } from '../../lib/failure.ts'
import type { Digest } from '../../lib/content/digest.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { parseImageName } from '../../lib/names/name.ts'
import { recordEvent } from '../audit/record.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { needsOf } from '../needs/guard.ts'
import { readNeeds } from '../needs/needs.ts'
import { expireImage } from './expiring.ts'
import { lockFamily } from './family.ts'

// Custom images: their bytes are in a facility's own store, and the portal knows them only.

const mostDays = 366

/** Refuses a time to live that no image has; 0 is what is usual. */
export function demandDays(days: number): void {
  if (days <= mostDays) return
  const text = `An image is kept for ${mostDays} days at most, and can be renewed then.`
  throw invalid('INVALID_FIELD', text, { field: 'days' })
}

/** Makes room for an image in its facility's quota, or throws QUOTA_EXCEEDED; answers how many days it is kept if nobody says. */
export async function takeQuota(
  tx: Transaction,
  facility: string,
  storedBytes: bigint,
): Promise<number> {
  const [row] = await tx<{ quota: bigint; days: number }[]>`
    select custom_quota_bytes as quota, custom_days as days from facility where name = ${facility}
    for no key update`
  const [sum] = await tx<{ used: bigint }[]>`
    select coalesce(sum(stored_bytes), 0)::bigint as used
    from image join manifest on manifest.id = image.manifest
    where facility = ${facility} and custom and storage = 'present'`
  const [quota, used] = [row?.quota ?? 0n, sum?.used ?? 0n]
  if (used + storedBytes > quota) throw overQuota(facility, { quota, used, needed: storedBytes })
  return row?.days ?? 0
}

function overQuota(
  facility: string,
  { quota, used, needed }: Readonly<Record<'quota' | 'used' | 'needed', bigint>>,
): Failure {
  const text = `The own images of ${facility} take ${used} of ${quota} bytes, and this one needs ${needed}: let some expire, or ask the portal's operators for a larger quota.`
  const facts = { quota: String(quota), used: String(used), needed: String(needed) }
  return exhausted('QUOTA_EXCEEDED', text, facts)
}

interface CustomRow {
  readonly custom: boolean
  readonly shared: boolean
  readonly storage: string
  readonly facility: string
}

/** Gives a custom image more time, counted from now, by its facility's custom for 0. */
export async function renewCustom(tx: Transaction, name: string, days: number): Promise<void> {
  const { storage } = await lockCustom(tx, name)
  if (storage !== 'present') throw wrongState(name, `is ${storage}: its bytes are gone`, storage)
  await tx`
    update image set expire_time = greatest(expire_time, now() + make_interval(days => coalesce(
      nullif(${days}::int, 0), (select custom_days from facility where facility.name = image.facility))))
    where name = ${name}`
}

export async function shareCustom(tx: Transaction, name: string, shared: boolean): Promise<void> {
  await lockCustom(tx, name)
  await tx`update image set shared = ${shared} where name = ${name}`
}

async function findCustom(tx: Transaction, name: string): Promise<CustomRow | undefined> {
  const [row] = await tx<CustomRow[]>`
    select custom, shared, storage, facility from image where name = ${name} and custom`
  return row
}

async function lockCustom(tx: Transaction, name: string): Promise<CustomRow> {
  const [row] = await tx<CustomRow[]>`
    select custom, shared, storage, facility from image where name = ${name} for no key update`
  if (row?.custom === true) return row
  throw wrongState(
    name,
    'has its bytes at the portal, for as long as its retention says',
    'present',
  )
}

function wrongState(name: string, why: string, state: string): Failure {
  return precondition('WRONG_STATE', `${name} ${why}.`, { state })
}

/** Refuses that a facility gets what another one keeps for itself. */
export async function demandShared(tx: Transaction, name: string, facility: string): Promise<void> {
  const row = await findCustom(tx, name)
  if (row === undefined || row.shared || row.facility === facility) return
  const text = `${name} is an own image of ${row.facility}, which does not share it: its manager can by "mrg-image share ${name}".`
  throw denied('NOT_SHARED', text, { name, facility: row.facility })
}

/** Refuses that a facility lets go of its own while it has its time: its bytes are there and nowhere else by right. */
export async function demandElsewhere(
  tx: Transaction,
  name: string,
  facility: string,
): Promise<void> {
  const row = await findCustom(tx, name)
  if (row?.facility !== facility || row.storage === 'expired') return
  throw wrongState(
    name,
    `is ${facility}'s own image, and stays there until it expires`,
    row.storage,
  )
}

/** Whether the caller may read a manifest: one that is only of images that facilities keep for themselves is theirs. */
export async function mayRead(sql: Sql, manifest: Digest, { role }: Caller): Promise<boolean> {
  if (role.kind === 'admin') return true
  const own = role.kind === 'manager' || role.kind === 'agent' ? role.facility : ''
  const [row] = await sql<{ only: boolean }[]>`
    select bool_and(custom and not shared and facility <> ${own}) as only
    from image join manifest on manifest.id = image.manifest
    where manifest.digest = decode(${manifest}, 'hex')`
  return row?.only !== true
}

/** Whether the caller may see what is in an image: what a facility keeps for itself is its own, and the admins'. */
export function maySee({ custom }: Pick<Image, 'custom'>, caller: Caller): boolean {
  return custom === undefined || mayHave({ ...custom, custom: true }, caller)
}

/** The same of an image as the database has it. */
export function mayHave(
  { custom, shared, facility }: Pick<CustomRow, 'custom' | 'shared'> & { facility: string | null },
  { role }: Caller,
): boolean {
  if (!custom || shared || role.kind === 'admin') return true
  return (role.kind === 'manager' || role.kind === 'agent') && role.facility === facility
}

/**
 * Expires the custom images whose time has passed, but none that something needs. The facility should not hold them any more, and may
 * take their bytes away.
 */
export async function expireCustom(sql: Sql, now: Date): Promise<readonly string[]> {
  const due = await sql<{ name: string }[]>`
    select name from image where custom and storage = 'present' and expire_time <= ${now}
    order by expire_time`
  if (due.length === 0) return []
  const names = due.map(({ name }) => name)
  const needs = await readNeeds(sql, now, names)
  const done: string[] = []
  for (const name of names.filter((one) => !needs.has(one))) {
    if (await expireOne(sql, name, now)) done.push(name)
  }
  return done
}

/** Looks once more, for it may have been renewed, or needed, meanwhile. */
function expireOne(sql: Sql, name: string, now: Date): Promise<boolean> {
  const image = parseImageName(name)
  return sql.begin(async (tx) => {
    const locked = await lockFamily(tx, image)
    if (locked?.storage !== 'present' || !(await isOver(tx, name, now))) return false
    if ((await needsOf(tx, name, now)).length > 0) return false
    const by = { actor: 'system', reason: 'its time has passed' }
    await expireImage(tx, { ...locked, name, image }, by)
    const resources = [{ kind: 'image', name }]
    await recordEvent(tx, { deed: 'expire-image', resources, reason: by.reason })
    return true
  })
}

async function isOver(tx: Transaction, name: string, now: Date): Promise<boolean> {
  const rows = await tx`select from image where name = ${name} and expire_time <= ${now}`
  return rows.length > 0
}
