import type { Decision } from '../../lib/retention/plan.ts'
import type { Transaction } from '../db/open.ts'

/** Bytes by place: `portal`, `archive` or a facility. */
export type Places = Readonly<Record<string, number>>

/** What images take, and what comes free when those of them go that a plan would have go. */
export interface Measured {
  /** Chunks that nothing else names, each counted once. */
  readonly freed: Places
  /** What it adds to the archive. */
  readonly archived: number
  /** What all that are judged take, each chunk counted once. */
  readonly total: number
  /** What would come free if one image alone went; none where that is nothing. */
  readonly own: ReadonlyMap<string, Places>
}

/** What is measured. */
interface Measuring {
  readonly decisions: readonly Decision[]
  /** Whether these are of all images. */
  readonly isWhole: boolean
}

/** Measures in one pass over what names chunks, however many images are judged. */
export async function measure(
  tx: Transaction,
  { decisions, isWhole }: Measuring,
): Promise<Measured> {
  const freed: Record<string, number> = {}
  const own = new Map<string, Record<string, number>>()
  let total = 0
  const add = (place: string, { bytes, image, going }: ShareRow): void => {
    total += bytes
    if (going) freed[place] = (freed[place] ?? 0) + bytes
    if (image !== null) own.set(image, { ...own.get(image), [place]: bytes })
  }
  for (const { image, action } of decisions) {
    const { name, storedBytes: bytes, expires, parsed } = image
    if (expires !== undefined) {
      add(parsed.namespace, { image: name, bytes, going: action === 'expire' })
    }
  }
  const ours = decisions.filter(({ image }) => image.expires === undefined)
  for (const place of ['portal', 'archive'] as const) {
    for (const share of await readShares(tx, place, { decisions: ours, isWhole })) add(place, share)
  }
  const archiving = ours.filter(({ action }) => action === 'archive')
  return { freed, total, own, archived: await readArchived(tx, archiving) }
}

const places = {
  portal: { storage: 'present', named: 'manifest_chunk', chunk: 'chunk' },
  archive: { storage: 'archived', named: 'archive.manifest_chunk', chunk: 'archive.chunk' },
} as const

interface ShareRow {
  /** The only image that needs these chunks; null where there are several. */
  readonly image: string | null
  /** Whether all that need them go. */
  readonly going: boolean
  readonly bytes: number
}

/**
 * The bytes of the chunks that the judged images need at a place, by who else needs them. All that name chunks are read once where all
 * images are judged, or else those that name one of the judged images' chunks.
 */
async function readShares(
  tx: Transaction,
  place: keyof typeof places,
  { decisions, isWhole }: Measuring,
): Promise<readonly ShareRow[]> {
  const { storage, named, chunk } = places[place]
  const here = decisions.filter(({ image }) => image.storage === storage)
  if (here.length === 0) return []
  const names = here.map(({ image }) => image.name)
  const going = here.map(({ action }) => String(action !== 'keep'))
  const all = tx`true`
  const judgedOnes = tx`manifest in (select manifest from image join judged using (name))`
  const theirChunks = tx`chunk in (select chunk from ${tx(named)} join content using (manifest))`
  return tx<ShareRow[]>`
    with judged as (
      select * from unnest(${names}::text[], ${going}::text[]::bool[]) as judged (name, going)
    ), content as materialized (
      select manifest, count(*) as images, min(image.name) as image,
        bool_and(coalesce(judged.going, false)) as going
      from image left join judged using (name)
      where storage = ${storage} and not custom and ${isWhole ? all : judgedOnes}
      group by manifest having count(judged.name) > 0
    ), need as (
      select chunk, case when count(*) = 1 then min(manifest) end as manifest,
        bool_and(coalesce(going, false)) as going
      from ${tx(named)} left join content using (manifest)
      where ${isWhole ? all : theirChunks}
      group by chunk having count(content.manifest) > 0
    ), share as (
      select manifest, going, sum(stored_bytes) as bytes
      from need join ${tx(chunk)} as stored on stored.id = need.chunk group by 1, 2
    )
    select case when images = 1 then image end as image, share.going, sum(bytes)::float8 as bytes
    from share left join content using (manifest) group by 1, 2`
}

/** The bytes of what is to be archived and is not in the archive yet. */
async function readArchived(tx: Transaction, archiving: readonly Decision[]): Promise<number> {
  if (archiving.length === 0) return 0
  const [row] = await tx<{ bytes: number }[]>`
    select coalesce(sum(stored_bytes), 0)::float8 as bytes from chunk
    where id in (
        select chunk from manifest_chunk where manifest in (
          select manifest from image where name = any (${archiving.map(({ image }) => image.name)})))
      and not exists (
        select from archive.chunk as there where there.digest = chunk.digest and there.live)`
  return row?.bytes ?? 0
}
