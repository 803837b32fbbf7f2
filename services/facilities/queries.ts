import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'

export interface FacilityRow {
  readonly name: string
  readonly displayName: string
  readonly arch: string
  readonly createTime: Date
  readonly agentTime: Date | null
  readonly peerAddress: string
  readonly desiredGeneration: bigint
  readonly appliedGeneration: bigint
  readonly storedBytes: bigint
  readonly wantedCount: bigint
  readonly presentCount: bigint
  readonly customQuotaBytes: bigint
  readonly customBytes: bigint
  readonly customDays: number
}

export interface ReplicaRow {
  readonly image: string
  readonly digest: string
  readonly state: number
  readonly totalBytes: bigint
  readonly peerBytes: bigint
  readonly portalBytes: bigint
  readonly error: string
  readonly updateTime: Date
  readonly useTime: Date | null
  readonly nextTime: Date | null
}

/** As ReplicaState of the API says. */
export const waiting = 1
export const fetching = 2
export const present = 3
export const failed = 4

const columns = (sql: Sql | Transaction) => sql`
  name, display_name, arch, create_time, agent_time, peer_address, desired_generation,
  applied_generation, stored_bytes, custom_quota_bytes, custom_days,
  (select coalesce(sum(manifest.stored_bytes), 0)::bigint from image join manifest on manifest.id = image.manifest
    where image.facility = facility.name and custom and storage = 'present') as custom_bytes,
  (select count(*) from wanted where wanted.facility = facility.name) as wanted_count,
  (select count(*) from wanted join replica using (facility, image)
    where wanted.facility = facility.name and replica.state = ${present}) as present_count`

/** Undefined if the name is taken. */
export async function insertFacility(
  tx: Transaction,
  facility: { readonly name: string; readonly displayName: string; readonly arch: string },
): Promise<FacilityRow | undefined> {
  const { name, displayName, arch } = facility
  const inserted = await tx`
    insert into facility (name, display_name, arch) values (${name}, ${displayName}, ${arch})
    on conflict do nothing`
  return inserted.count === 0 ? undefined : findFacility(tx, name)
}

export async function findFacility(
  sql: Sql | Transaction,
  name: string,
): Promise<FacilityRow | undefined> {
  const [row] = await sql<FacilityRow[]>`select ${columns(sql)} from facility where name = ${name}`
  return row
}

export async function listFacilities(sql: Sql, page: Page): Promise<FacilityRow[]> {
  return sql<FacilityRow[]>`
    select ${columns(sql)} from facility where name > ${page.after}
    order by name limit ${page.size + 1}`
}

export async function putQuota(
  tx: Transaction,
  facility: string,
  quotaBytes: bigint,
  days: number,
): Promise<void> {
  await tx`
    update facility set custom_quota_bytes = ${quotaBytes}, custom_days = ${days} where name = ${facility}`
}

/** Puts the image on the wanted list, and makes a new generation if it was not on it, or by another time. */
export async function want(
  tx: Transaction,
  facility: string,
  image: string,
  actor: string,
  byTime?: Date,
): Promise<void> {
  const added = await tx`
    insert into want (facility, image, actor, by_time)
    values (${facility}, ${image}, ${actor}, ${byTime ?? null})
    on conflict (facility, image, rule) do update set by_time = excluded.by_time
    where excluded.by_time is not null and excluded.by_time is distinct from want.by_time`
  if (added.count > 0) await newDesired(tx, [facility])
}

/** Takes the image off the wanted list, and makes a new generation if it was on it, which it answers. What rules want stays. */
export async function unwant(tx: Transaction, facility: string, image: string): Promise<boolean> {
  const removed = await tx`
    delete from want where facility = ${facility} and image = ${image} and rule = ''`
  if (removed.count > 0) await newDesired(tx, [facility])
  return removed.count > 0
}

/** Makes a new generation of what the facilities should hold. */
export async function newDesired(tx: Transaction, facilities: readonly string[]): Promise<void> {
  if (facilities.length === 0) return
  // In their order, so that two who do this do not wait for each other in a circle.
  await tx`
    select from facility where name = any (${facilities as string[]}) order by name for no key update`
  await tx`
    update facility set desired_generation = desired_generation + 1
    where name = any (${facilities as string[]})`
}

/** The sync rules that want an image at a facility, by name. */
export async function rulesWanting(
  tx: Transaction,
  facility: string,
  image: string,
): Promise<string[]> {
  const rows = await tx<{ rule: string }[]>`
    select rule from want where facility = ${facility} and image = ${image} and rule <> ''
    order by rule`
  return rows.map(({ rule }) => rule)
}

/** What is wanted at the facility or reported by it. */
export async function listReplicas(sql: Sql, facility: string, page: Page): Promise<ReplicaRow[]> {
  return sql<ReplicaRow[]>`
    select image.name as image, encode(manifest.digest, 'hex') as digest,
      coalesce(state_here, ${waiting}) as state,
      coalesce(total_bytes, 0) as total_bytes, coalesce(peer_bytes, 0) as peer_bytes,
      coalesce(portal_bytes, 0) as portal_bytes, coalesce(error, '') as error,
      coalesce(here.update_time, here.create_time) as update_time, image_use.time as use_time, here.next_time
    from (
      select coalesce(wanted.image, replica.image) as image, replica.state as state_here,
        total_bytes, peer_bytes, portal_bytes, error, replica.update_time, replica.next_time, wanted.create_time
      from (select * from wanted where facility = ${facility}) as wanted
      full join (select * from replica where facility = ${facility}) as replica using (image)
    ) as here
    join image on image.name = here.image
    join manifest on manifest.id = image.manifest
    left join image_use on image_use.facility = ${facility} and image_use.image = image.name
    where image.name > ${page.after} order by image.name limit ${page.size + 1}`
}
