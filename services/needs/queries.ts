import type { Sql, Transaction } from '../db/open.ts'
import { fetching } from '../facilities/queries.ts'
import { active } from '../holds/queries.ts'
import type { ImageStateName, StorageName } from '../images/row.ts'

/** These images, or all. */
export type Names = readonly string[] | undefined

const among = (sql: Sql | Transaction, column: string, names: Names) =>
  names === undefined ? sql`true` : sql`${sql(column)} = any (${names as string[]})`

/** All active holds of an image, and the newest of them as an example. */
export interface HeldRow {
  readonly image: string
  readonly count: number
  /** When the last of them lapses; null for never. */
  readonly until: Date | null
  readonly id: string
  readonly owner: string
  readonly reason: string
}

export async function readHolds(
  sql: Sql | Transaction,
  now: Date,
  names: Names,
): Promise<readonly HeldRow[]> {
  return sql<HeldRow[]>`
    select held.image, held.count, held.until, held.id, owner, left(reason, 200) as reason
    from (
      select image, count(*)::int as count, max(id collate "C") as id,
        case when bool_and(expire_time is not null) then max(expire_time) end as until
      from hold
      where ${active(sql, now)} and ${among(sql, 'hold.image', names)}
      group by image
    ) as held
    cross join lateral (select owner, reason from hold where id = held.id collate "default" limit 1) as newest`
}

/** Something that needs an image, by its name. */
export interface NeedRow {
  readonly image: string
  readonly name: string
}

/** Where aliases point, and where each did before it pointed elsewhere: there a roll-back leads. */
export async function readAliases(
  sql: Sql | Transaction,
  names: Names,
): Promise<readonly (NeedRow & { readonly isNow: boolean })[]> {
  return sql<(NeedRow & { isNow: boolean })[]>`
    select name, image, is_now from (
      select name, image, true as is_now from alias where image is not null
      union all
      select name, (
          select move.image from alias_move as move
          where move.alias = alias.name and move.image <> alias.image
          order by version desc limit 1), false
      from alias where image is not null) as pointed
    where image is not null and ${among(sql, 'image', names)} order by is_now desc, name`
}

/** Which facilities should have which image, for a facility's own one those besides itself, and whether they fetch it. */
export async function readFacilities(
  sql: Sql | Transaction,
  names: Names,
): Promise<readonly (NeedRow & { readonly fetches: boolean })[]> {
  return sql<(NeedRow & { fetches: boolean })[]>`
    select here.name, here.image, fetches from (
      select facility as name, image, false as fetches from wanted
      union all
      select facility, image, true from replica where state = ${fetching}) as here
    join image on image.name = here.image
    where (not custom or image.facility <> here.name) and ${among(sql, 'here.image', names)}
    order by here.name, fetches`
}

/** Which images' bytes are on their way, and where to. */
export async function readMoves(
  sql: Sql | Transaction,
  names: Names,
): Promise<readonly (NeedRow & { readonly name: 'archive' | 'restore' })[]> {
  return sql<(NeedRow & { name: 'archive' | 'restore' })[]>`
    select image, kind as name from move where ${among(sql, 'image', names)}`
}

/** A build that waits or runs. */
export interface OpenBuildRow {
  readonly name: string
  /** Its recipe. */
  readonly text: string
  /** The last image of the recipe that can be used, with which it is compared; null where there is none. */
  readonly former: string | null
}

/** Those that may need one of the images: their recipes have to be read to know. */
export async function readOpenBuilds(
  sql: Sql | Transaction,
  names: Names,
): Promise<readonly OpenBuildRow[]> {
  const mayNeed =
    names === undefined
      ? sql`true`
      : sql`(former = any (${names as string[]}) or exists (
          select from unnest(${names as string[]}::text[]) as asked (name)
          where position(asked.name in lower(text)) > 0))`
  return sql<OpenBuildRow[]>`
    select name, text, former from (
      select build.name, text, ${lastOf(sql, sql`build.recipe`)} as former
      from build join recipe_version
        on recipe_version.recipe = build.recipe and recipe_version.version = build.recipe_version
      where build.state in ('queued', 'running')) as open
    where ${mayNeed} order by name`
}

/** The image with which the builds of a recipe are compared. */
const lastOf = (sql: Sql | Transaction, recipe: ReturnType<typeof among>) => sql`(
  select image.name from build as past join image on image.build = past.name
  where past.recipe = ${recipe} and past.state = 'done'
    and image.state in ('candidate', 'released') and storage = 'present'
  order by image.sequence desc limit 1)`

/** What a build of the recipe needs stays as it is until the transaction ends, and then because the build is there. */
export async function holdNeeded(
  tx: Transaction,
  parent: string | undefined,
  recipe: string,
): Promise<void> {
  await tx`
    select from image where name = ${parent ?? null} or name = ${lastOf(tx, tx`${recipe}`)}
    order by name for share`
}

/** A facility that has used an image, and when it did last. */
export interface UseRow {
  readonly facility: string
  readonly useTime: Date
}

export async function usesSince(sql: Sql, image: string, since: Date): Promise<UseRow[]> {
  return sql<UseRow[]>`
    select facility, time as use_time from image_use where image = ${image} and time > ${since}
    order by facility`
}

/** An image as a plan looks at it. */
export interface KeptRow {
  readonly name: string
  readonly state: ImageStateName
  readonly storage: StorageName
  readonly heldBack: boolean
  readonly published: Date
  readonly used: Date | null
  readonly expires: Date | null
  readonly storedBytes: number
  readonly parent: string | null
}

const keptColumns = (sql: Sql | Transaction) => sql`
  image.name, state, storage, held_back, create_time as published, expire_time as expires,
  stored_bytes::float8 as stored_bytes, parent, used.time as used`

const imagesAtOnce = 5000

/** Every image, some at a time. */
export function readImages(sql: Sql | Transaction): AsyncIterable<readonly KeptRow[]> {
  return sql<KeptRow[]>`
    select ${keptColumns(sql)} from image
    join manifest on manifest.id = image.manifest
    left join (
      select image, max(time) as time from image_use group by image
    ) as used on used.image = image.name`.cursor(imagesAtOnce)
}

/** The own images of a facility that are there. */
export async function readCustom(tx: Transaction, facility: string): Promise<readonly KeptRow[]> {
  return tx<KeptRow[]>`
    select ${keptColumns(tx)} from image
    join manifest on manifest.id = image.manifest ${usedOf(tx)}
    where custom and facility = ${facility} and storage = 'present'`
}

/** An image, all that was made of it, and what else there is of their lines. */
export async function readLinesOf(
  sql: Sql | Transaction,
  family: readonly string[],
): Promise<readonly KeptRow[]> {
  return sql<KeptRow[]>`
    with line as (
      select distinct facility, distro, release, role, arch from image
      where name = any (${family as string[]})
    ), member as (
      ${ofLines(sql, sql`image.facility is null and line.facility is null`)} union all
      ${ofLines(sql, sql`image.facility = line.facility`)})
    select ${keptColumns(sql)} from member as image
    join manifest on manifest.id = image.manifest ${usedOf(sql)}`
}

const usedOf = (sql: Sql | Transaction) => sql`
  left join lateral (
    select max(time) as time from image_use where image_use.image = image.name) as used on true`

/** The index of names begins with the facility, and finds nothing by `is not distinct from`. */
const ofLines = (sql: Sql | Transaction, isOwners: ReturnType<typeof among>) => sql`
  select image.* from line join image on ${isOwners} and image.distro = line.distro
    and image.release = line.release and image.role = line.role and image.arch = line.arch`
