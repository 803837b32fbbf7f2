import type { Image } from '../../lib/names/images.ts'
import type { Move } from '../../lib/names/aliases.ts'
import { parseImageName, type ImageName } from '../../lib/names/name.ts'
import { internal } from '../../lib/failure.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { present } from '../facilities/queries.ts'
import type { ImageRow } from '../images/row.ts'

/** Up to where names have changed, and up to where their words have. */
export interface Heads {
  readonly generation: bigint
  readonly catalogueGeneration: bigint
}

export async function readHeads(sql: Sql | Transaction): Promise<Heads> {
  const [row] = await sql<Heads[]>`select generation, catalogue_generation from names`
  if (row === undefined) throw internal('INTERNAL', 'the table "names" has no row')
  return row
}

/** What changed after a generation. */
export interface News extends Heads {
  readonly images: readonly Image[]
  readonly moves: readonly Move[]
}

interface NewsRow extends Heads {
  readonly images: readonly KnownRow[] | null
  readonly aliases: readonly AliasRow[] | null
}

type KnownRow = Pick<ImageRow, 'name' | 'digest' | keyof Standing>

/** As the statement below limits them. */
const few = 500

/** What changed after a generation, in one statement and so of one moment; undefined where it is much. */
export async function readNews(sql: Sql, after: bigint): Promise<News | undefined> {
  // The order makes it look up the few rows by their generation, whatever plan the statement is prepared with.
  const [row] = await sql<NewsRow[]>`
    select generation, catalogue_generation, (
        select json_agg(one) from (
          select name, encode(digest, 'hex') as digest, state, storage, held_back as "heldBack", replacement
          from image join manifest on manifest.id = image.manifest
          where image.generation > ${after} order by image.generation limit 500) as one) as images, (
        select json_agg(one) from (
          select name, image from alias
          where generation > ${after} order by generation limit 500) as one) as aliases
    from names`
  if (row === undefined) throw internal('INTERNAL', 'the table "names" has no row')
  const { images, aliases, ...heads } = row
  if (images?.length === few || aliases?.length === few) return undefined
  return { ...heads, images: (images ?? []).map(toImage), moves: (aliases ?? []).map(toMove) }
}

/** How many rows are read and parsed at a time, while nothing else goes on. */
const chunkRows = 2000

/** The images that changed after a generation, the newest rows first, in chunks. */
export async function* changedImages(
  tx: Transaction,
  after: bigint,
): AsyncGenerator<readonly Image[]> {
  const rows = tx<KnownRow[]>`
    select name, encode(digest, 'hex') as digest, state, storage, held_back, replacement
    from image join manifest on manifest.id = image.manifest
    where image.generation > ${after} order by sequence desc`
  const words = new Map<string, string>()
  const shared = (word: string): string => words.get(word) ?? (words.set(word, word), word)
  for await (const chunk of rows.cursor(chunkRows)) {
    yield chunk.map(toImage).map((image) => ({ ...image, name: sharing(image.name, shared) }))
  }
}

function toImage(row: KnownRow): Image {
  return { ...row, name: parseImageName(row.name), replacement: row.replacement ?? undefined }
}

/** Names are made of few words: each is kept once, or a hundred thousand images would be a million strings. */
function sharing(name: ImageName, shared: (word: string) => string): ImageName {
  return {
    ...name,
    namespace: shared(name.namespace),
    distro: shared(name.distro),
    release: shared(name.release),
    role: shared(name.role),
    build: { ...name.build, day: shared(name.build.day) },
  }
}

/** Where aliases point that changed after a generation. */
export async function changedAliases(tx: Transaction, after: bigint): Promise<readonly Move[]> {
  const rows = await tx<AliasRow[]>`select name, image from alias where generation > ${after}`
  return rows.map(toMove)
}

/** How an image stands, as far as resolution cares. */
export type Standing = Pick<ImageRow, 'state' | 'storage' | 'heldBack' | 'replacement'>

/** How an image stood; undefined if it was not there yet. */
export interface Stood {
  readonly name: string
  readonly then: Standing | undefined
}

interface StoodRow {
  readonly name: string
  readonly state: Standing['state'] | null
  readonly storage: Standing['storage'] | null
  readonly heldBack: boolean | null
  readonly replacement: string | null
}

/** The images that changed at a time or later, as they stood before it, in chunks. */
export async function* imagesBefore(tx: Transaction, time: Date): AsyncGenerator<readonly Stood[]> {
  const rows = tx<StoodRow[]>`
    select later.image as name, before.state, before.storage, before.held_back, before.replacement
    from (select distinct image from image_change where time >= ${time}) as later
    left join lateral (
      select * from image_change as one where one.image = later.image and one.time < ${time}
      order by version desc limit 1) as before on true`
  for await (const chunk of rows.cursor(chunkRows)) {
    yield chunk.map(({ name, state, storage, heldBack, replacement }) => ({
      name,
      then:
        state === null || storage === null || heldBack === null
          ? undefined
          : { state, storage, heldBack, replacement },
    }))
  }
}

/** Where the aliases that moved at a time or later pointed before it. */
export async function aliasesBefore(tx: Transaction, time: Date): Promise<readonly Move[]> {
  const rows = await tx<AliasRow[]>`
    select later.alias as name, (
      select image from alias_move as one where one.alias = later.alias and one.time < ${time}
      order by version desc limit 1) as image
    from (select distinct alias from alias_move where time >= ${time}) as later`
  return rows.map(toMove)
}

/** What time the database has, by whose clock histories are written. */
export async function readClock(tx: Transaction): Promise<Date> {
  const [row] = await tx<{ now: Date }[]>`select clock_timestamp() as now`
  return row?.now ?? new Date(NaN)
}

/** A facility, and when it reported last: what it holds changes with a report, and with nothing else. */
export interface FacilityHead {
  readonly name: string
  readonly arch: string
  readonly reported: string | null
}

export async function facilityHeads(
  sql: Sql,
  names: readonly string[],
): Promise<readonly FacilityHead[]> {
  return sql<FacilityHead[]>`
    select name, arch, agent_time::text as reported from facility
    where name = any(${names as string[]})`
}

/** The images that a facility holds whole. */
export async function imagesPresentAt(sql: Sql, facility: string): Promise<readonly string[]> {
  const rows = await sql<{ image: string }[]>`
    select image from replica where facility = ${facility} and state = ${present}`
  return rows.map(({ image }) => image)
}

interface AliasRow {
  readonly name: string
  readonly image: string | null
}

function toMove({ name, image }: AliasRow): Move {
  return [name, image ?? undefined]
}
