import type { Replica } from '../../proto/gen/merge/image/v1/facility.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { failed, present } from '../facilities/queries.ts'
import { settleEvictions } from './eviction.ts'

export interface WantedRow {
  readonly facility: string
  readonly image: string
  readonly priority: number
  readonly byTime: Date | null
  readonly pushed: boolean
  readonly rules: readonly string[]
}

/**
 * An agent that has not reported for so long is taken to be gone: it reports every half minute. The database's clock counts,
 * which is the same for all portals.
 */
const lapse = '90 seconds'

/** Whether the facility's agent is there, by its last report. */
export const isThere = (sql: Sql | Transaction, heard = sql`agent_time`) =>
  sql`${heard} > now() - ${lapse}::interval`

/** The desired generation of those of the facilities that there are. */
export async function generationsOf(
  sql: Sql,
  facilities: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const rows = await sql<{ name: string; generation: bigint }[]>`
    select name, desired_generation as generation from facility
    where name = any (${facilities as string[]})`
  return new Map(rows.map(({ name, generation }) => [name, generation]))
}

/** What the facilities want, by facility and image. */
export async function wantedBy(sql: Sql, facilities: readonly string[]): Promise<WantedRow[]> {
  return sql<WantedRow[]>`
    select facility, image, priority, by_time, pushed, rules from wanted
    where facility = any (${facilities as string[]}) order by facility, image`
}

type NamesOf = ReadonlyMap<string, readonly string[]>

/** The facilities that hold the content of each of the images whole, are there and serve it, by name. */
export async function holdersOf(sql: Sql, images: readonly string[]): Promise<NamesOf> {
  const rows = await sql<{ image: string; names: string[] }[]>`
    select image.name as image, array_agg(distinct replica.facility order by replica.facility) as names
    from image join image as same on same.manifest = image.manifest
      join replica on replica.image = same.name and replica.state = ${present}
      join facility on facility.name = replica.facility
    where image.name = any (${images as string[]}) and peer_address <> '' and ${isThere(sql)}
    group by image.name`
  return new Map(rows.map(({ image, names }) => [image, names]))
}

/**
 * The facilities that want the content of each of the images, do not have it yet, have not failed, do not wait for their hours, and serve
 * what comes. Who takes nothing from the portal has no stretch of it to give.
 */
export async function fetchersOf(sql: Sql, images: readonly string[]): Promise<NamesOf> {
  const rows = await sql<{ image: string; names: string[] }[]>`
    select image.name as image, array_agg(distinct want.facility order by want.facility) as names
    from image join image as same on same.manifest = image.manifest
      join want on want.image = same.name
      join facility on facility.name = want.facility
      left join sync_rule on sync_rule.facility = want.facility and sync_rule.name = want.rule
      left join replica on replica.facility = want.facility and replica.image = want.image
    where image.name = any (${images as string[]}) and coalesce(peers, 'first') <> 'only'
      and coalesce(replica.state, 0) not in (${present}, ${failed})
      and coalesce(replica.next_time, now()) <= now()
      and peer_address <> '' and ${isThere(sql)}
    group by image.name`
  return new Map(rows.map(({ image, names }) => [image, names]))
}

/** The digest of the image's manifest, in hex, if the facility should hold it. */
export async function wantedManifest(
  sql: Sql,
  facility: string,
  image: string,
): Promise<string | undefined> {
  const [row] = await sql<{ digest: string }[]>`
    select encode(manifest.digest, 'hex') as digest
    from wanted join image on image.name = wanted.image join manifest on manifest.id = image.manifest
    where wanted.facility = ${facility} and wanted.image = ${image}`
  return row?.digest
}

/** Where the agents serve that are there. */
export async function peersThere(
  sql: Sql,
): Promise<{ readonly facility: string; readonly address: string }[]> {
  return sql<{ facility: string; address: string }[]>`
    select name as facility, peer_address as address from facility
    where peer_address <> '' and ${isThere(sql)}`
}

/** Keeps a report in place of the one before; says whether it changes what other facilities can use. */
export async function keepReport(
  tx: Transaction,
  report: {
    readonly facility: string
    readonly appliedGeneration: bigint
    readonly peerAddress: string
    readonly storedBytes: bigint
    readonly replicas: readonly Replica[]
    readonly fetchRate: bigint
    readonly opensTime?: Date | undefined
  },
): Promise<boolean> {
  const { facility, appliedGeneration, peerAddress, storedBytes, replicas } = report
  const { fetchRate, opensTime } = report
  const before = await offer(tx, facility)
  await tx`
    update facility set agent_time = now(), applied_generation = ${appliedGeneration},
      peer_address = ${peerAddress}, stored_bytes = ${storedBytes},
      fetch_rate = case when ${fetchRate}::bigint > 0 then ${fetchRate}::bigint else fetch_rate end,
      opens_time = ${opensTime ?? null}
    where name = ${facility}`
  const column = <T>(of: (replica: Replica) => T) => replicas.map(of)
  const images = column(({ image }) => image)
  await tx`delete from replica where facility = ${facility} and image <> all(${images}::text[])`
  await tx`
    insert into replica (facility, image, state, total_bytes, peer_bytes, portal_bytes, error, next_time)
    select ${facility}, reported.image, reported.state, total_bytes, peer_bytes, portal_bytes, error, next_time
    from unnest(
      ${images}::text[],
      ${column(({ state }) => state)}::smallint[],
      ${column(({ totalBytes }) => String(totalBytes))}::bigint[],
      ${column(({ peerBytes }) => String(peerBytes))}::bigint[],
      ${column(({ portalBytes }) => String(portalBytes))}::bigint[],
      ${column(({ error }) => error)}::text[],
      ${column(({ nextTime }) => nextTime?.toISOString() ?? null)}::timestamptz[]
    ) as reported (image, state, total_bytes, peer_bytes, portal_bytes, error, next_time)
    join image on image.name = reported.image
    on conflict (facility, image) do update set
      state = excluded.state, total_bytes = excluded.total_bytes,
      peer_bytes = excluded.peer_bytes, portal_bytes = excluded.portal_bytes,
      error = excluded.error, next_time = excluded.next_time, update_time = now()`
  await keepUses(tx, facility, replicas)
  await settleEvictions(tx, facility)
  return before !== (await offer(tx, facility))
}

/** A use outlives the copy that was used, and none is of the future, whatever an agent's clock says. */
async function keepUses(
  tx: Transaction,
  facility: string,
  replicas: readonly Replica[],
): Promise<void> {
  const used = replicas.flatMap(({ image, useTime: time }) => (time ? [{ image, time }] : []))
  await tx`
    insert into image_use (facility, image, time)
    select ${facility}, name, least(reported.time, now())
    from unnest(
      ${used.map(({ image }) => image)}::text[],
      ${used.map(({ time }) => time.toISOString())}::timestamptz[]
    ) as reported (image, time)
    join image on name = reported.image
    on conflict (facility, image) do update set time = excluded.time
    where excluded.time > image_use.time`
}

/** What a facility offers to others, as a text to compare. */
async function offer(tx: Transaction, facility: string): Promise<string> {
  const [row] = await tx<{ offer: string }[]>`
    select concat_ws(' ', peer_address, ${isThere(tx)}, (
      select string_agg(image || ' ' || state, ' ' order by image) from replica
      where replica.facility = facility.name and state in (${present}, ${failed}))) as offer
    from facility where name = ${facility} for update`
  return row?.offer ?? ''
}
