import type { PeersName } from '../../lib/rules/terms.ts'
import type { PreviewedImage, PreviewSyncResponse } from '../../proto/gen/merge/image/v1/rule.ts'
import { isThere } from '../agents/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { present } from '../facilities/queries.ts'
import type { Chosen } from './applying.ts'

interface Row {
  readonly image: string
  readonly present: boolean
  readonly wanted: boolean
  readonly fetchBytes: bigint
  readonly atPeers: boolean
}

const mostTold = 1000
/** Chunks are looked up for so many images; where more are lacking, that takes too long. */
const mostExact = 64

/** What the images would have the facility fetch, and the room that they would take. */
export async function preview(
  sql: Sql,
  facility: { readonly name: string; readonly storedBytes: bigint },
  chosen: readonly Chosen[],
  leaving: readonly string[],
  peers: PeersName = 'first',
): Promise<Omit<PreviewSyncResponse, 'rule'>> {
  const why = new Map(chosen.map((one) => [one.image, one.why]))
  const rows = await readRows(sql, facility.name, [...why.keys()].sort())
  const images = rows.map((row): PreviewedImage => ({ ...row, reason: why.get(row.image) ?? '' }))
  const sum = (some: readonly PreviewedImage[]): bigint =>
    some.reduce((bytes, { fetchBytes }) => bytes + fetchBytes, 0n)
  const isFromPeers = ({ atPeers }: PreviewedImage): boolean =>
    peers === 'only' || (peers === 'first' && atPeers)
  const [peerBytes, portalBytes] = [
    sum(images.filter(isFromPeers)),
    sum(images.filter((image) => !isFromPeers(image))),
  ]
  const { storedBytes } = facility
  return {
    ...{ images: images.slice(0, mostTold), imageCount: images.length },
    ...{ peerBytes, portalBytes, storedBytes },
    storedAfterBytes: storedBytes + peerBytes + portalBytes,
    leaving: leaving.slice(0, mostTold),
  }
}

/** Whether another facility than this one has the image's content whole, and its agent is there. */
export const atPeers = (sql: Sql | Transaction, facility: ReturnType<Sql>) => sql`
  exists (
    select from replica join image as same on same.name = replica.image
      join facility as other on other.name = replica.facility
    where same.manifest = image.manifest and replica.facility <> ${facility}
      and replica.state = ${present} and ${isThere(sql, sql`other.agent_time`)})`

/** Each chunk counts for the first image that brings it; an image whose bytes are a facility's counts whole. */
export function readRows(sql: Sql, facility: string, images: readonly string[]): Promise<Row[]> {
  return sql<Row[]>`
    with chosen as (
      select image.name, image.manifest, image.custom, manifest.stored_bytes,
        exists (select from replica where replica.facility = ${facility} and replica.image = image.name
          and replica.state = ${present}) as present,
        exists (select from want where want.facility = ${facility} and want.image = image.name) as wanted,
        ${atPeers(sql, sql`${facility}`)} as at_peers
      from image join manifest on manifest.id = image.manifest
      where image.name = any (${images as string[]})),
    brought as (
      select distinct on (chunk) chunk, chosen.name
      from chosen join manifest_chunk using (manifest)
      where not present and not custom
        and (select count(*) from chosen where not present) <= ${mostExact}
        and not exists (
          select from manifest_chunk as here join image on image.manifest = here.manifest
            join replica on replica.image = image.name
          where here.chunk = manifest_chunk.chunk and replica.facility = ${facility}
            and replica.state = ${present})
      order by chunk, chosen.name),
    sums as (
      select brought.name, sum(chunk.stored_bytes)::bigint as bytes
      from brought join chunk on chunk.id = brought.chunk group by brought.name)
    select chosen.name as image, present, wanted, at_peers,
      case when present then 0 when custom or (select count(*) from chosen where not present) > ${mostExact} then stored_bytes
        else coalesce(sums.bytes, 0) end as fetch_bytes
    from chosen left join sums using (name) order by chosen.name`
}
