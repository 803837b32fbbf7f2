import type { Replica } from '../../proto/gen/merge/image/v1/facility.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { present } from '../facilities/queries.ts'

export interface WantedRow {
  readonly image: string
  readonly holders: readonly string[]
}

/** The facility's wanted images, each with the other facilities that hold its content whole. */
export async function wantedImages(sql: Sql, facility: string): Promise<WantedRow[]> {
  return sql<WantedRow[]>`
    select wanted.image, coalesce((
        select array_agg(distinct replica.facility order by replica.facility)
        from replica join image as same on same.name = replica.image
        where same.manifest = image.manifest and replica.facility <> ${facility}
          and replica.state = ${present}), '{}') as holders
    from wanted join image on image.name = wanted.image
    where wanted.facility = ${facility} order by wanted.image`
}

export async function peersOf(
  sql: Sql,
  facility: string,
): Promise<{ readonly facility: string; readonly address: string }[]> {
  return sql<{ facility: string; address: string }[]>`
    select name as facility, peer_address as address from facility
    where peer_address <> '' and name <> ${facility} order by name`
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
  },
): Promise<boolean> {
  const { facility, appliedGeneration, peerAddress, storedBytes, replicas } = report
  const before = await offer(tx, facility)
  await tx`
    update facility set agent_time = now(), applied_generation = ${appliedGeneration},
      peer_address = ${peerAddress}, stored_bytes = ${storedBytes}
    where name = ${facility}`
  const column = <T>(of: (replica: Replica) => T) => replicas.map(of)
  const images = column(({ image }) => image)
  await tx`delete from replica where facility = ${facility} and image <> all(${images}::text[])`
  await tx`
    insert into replica (facility, image, state, total_bytes, peer_bytes, portal_bytes, error)
    select ${facility}, reported.* from unnest(
      ${images}::text[],
      ${column(({ state }) => state)}::smallint[],
      ${column(({ totalBytes }) => String(totalBytes))}::bigint[],
      ${column(({ peerBytes }) => String(peerBytes))}::bigint[],
      ${column(({ portalBytes }) => String(portalBytes))}::bigint[],
      ${column(({ error }) => error)}::text[]
    ) as reported (image, state, total_bytes, peer_bytes, portal_bytes, error)
    join image on image.name = reported.image
    on conflict (facility, image) do update set
      state = excluded.state, total_bytes = excluded.total_bytes,
      peer_bytes = excluded.peer_bytes, portal_bytes = excluded.portal_bytes,
      error = excluded.error, update_time = now()`
  return before !== (await offer(tx, facility))
}

/** What a facility offers to others, as a text to compare. */
async function offer(tx: Transaction, facility: string): Promise<string> {
  const [row] = await tx<{ offer: string }[]>`
    select concat_ws(' ', peer_address, (
      select string_agg(image, ' ' order by image) from replica
      where replica.facility = facility.name and state = ${present})) as offer
    from facility where name = ${facility} for update`
  return row?.offer ?? ''
}
