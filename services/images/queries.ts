import { renderImageName, type ImageName } from '../../lib/names/name.ts'
import { parseSelector, type Labels } from '../../lib/labels.ts'
import type { Page } from '../pages.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { fitsLabels } from './labels.ts'
import { imageColumns, type ImageRow, type ImageStateName, type StorageName } from './row.ts'

export interface ImageFilterRow {
  readonly namespace: string
  readonly distro: string
  readonly release: string
  readonly role: string
  readonly arch: string
  readonly state: ImageStateName | ''
  readonly storage: StorageName | ''
  readonly labels: readonly string[]
}

export async function findImage(
  sql: Sql | Transaction,
  name: string,
): Promise<ImageRow | undefined> {
  const [row] = await sql<ImageRow[]>`
    select ${imageColumns(sql)} from image join manifest on manifest.id = image.manifest
    where image.name = ${name}`
  return row
}

export async function findImages(
  sql: Sql | Transaction,
  names: readonly string[],
): Promise<ImageRow[]> {
  return sql<ImageRow[]>`
    select ${imageColumns(sql)} from image join manifest on manifest.id = image.manifest
    where image.name = any(${names as string[]})`
}

export async function listImages(
  sql: Sql,
  filter: ImageFilterRow,
  page: Page,
): Promise<ImageRow[]> {
  const { namespace, distro, release, role, arch, state, storage, labels } = filter
  return sql<ImageRow[]>`
    select ${imageColumns(sql)} from image join manifest on manifest.id = image.manifest
    where (${page.after} = '' or sequence < nullif(${page.after}, '')::bigint)
      and (${namespace} = '' or coalesce(facility, 'portal') = ${namespace})
      and (${distro} = '' or distro = ${distro})
      and (${release} = '' or release = ${release})
      and (${role} = '' or role = ${role})
      and (${arch} = '' or arch = ${arch})
      and (${state} = '' or state = ${state})
      and (${storage} = '' or storage = ${storage})
      and ${fitsLabels(sql, labels.map(parseSelector))}
    order by sequence desc limit ${page.size + 1}`
}

/** What was made of an image, and of what was made of it, the newest first. */
export async function listDescendants(sql: Sql, name: string, page: Page): Promise<ImageRow[]> {
  return sql<ImageRow[]>`
    with recursive descendant as (
      select one.name as of from image as one where one.parent = ${name}
      union
      select one.name from descendant join image as one on one.parent = descendant.of)
    select ${imageColumns(sql)} from descendant join image on image.name = descendant.of
    join manifest on manifest.id = image.manifest
    where (${page.after} = '' or sequence < nullif(${page.after}, '')::bigint)
    order by sequence desc limit ${page.size + 1}`
}

/** An image as it stands while nobody else changes it. */
export interface Locked extends Standing {
  readonly version: number
  readonly storage: StorageName
  readonly custom: boolean
  readonly deprecateTime: Date | null
}

/** Locks the image until the transaction ends; who only refers to it does not wait. */
export async function lockImage(tx: Transaction, name: string): Promise<Locked | undefined> {
  const [row] = await tx<Locked[]>`
    select state, held_back, replacement, version, storage, custom, deprecate_time
    from image where name = ${name} for no key update`
  return row
}

/** Whether and how an image is to be used. */
export interface Standing {
  readonly state: ImageStateName
  readonly heldBack: boolean
  /** The exact name of what to use instead. */
  readonly replacement: string | null
}

/** Changes how an image stands, and keeps who did it and why; what was planned for it is no more. */
export async function setStanding(
  tx: Transaction,
  name: string,
  { state, heldBack, replacement }: Standing,
  by: Change,
): Promise<void> {
  await tx`
    update image set state = ${state}, held_back = ${heldBack}, replacement = ${replacement},
      deprecate_time = null, version = version + 1
    where name = ${name}`
  await keepChange(tx, name, by)
}

/** Plans that a released image becomes deprecated. */
export async function planDeprecation(
  tx: Transaction,
  name: string,
  { time, replacement }: { readonly time: Date; readonly replacement: string | null },
  by: Change,
): Promise<void> {
  await tx`
    update image set state = 'released', deprecate_time = ${time}, replacement = ${replacement},
      version = version + 1
    where name = ${name}`
  await keepChange(tx, name, by)
}

/** Released images that are to be deprecated by now. */
export async function dueDeprecations(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    select name from image where deprecate_time <= now() order by deprecate_time limit 100`
  return rows.map(({ name }) => name)
}

/** The names of all that was made of an image, however far down, the newest first. */
export async function descendantsOf(
  tx: Sql | Transaction,
  name: string,
): Promise<readonly string[]> {
  const rows = await tx<{ name: string }[]>`
    with recursive descendant as (
      select one.name as of from image as one where one.parent = ${name}
      union
      select one.name from descendant join image as one on one.parent = descendant.of)
    select name from descendant join image on image.name = descendant.of order by sequence desc`
  return rows.map((row) => row.name)
}

export interface ChangeRow extends Standing, Change {
  readonly version: number
  readonly storage: StorageName
  readonly time: Date
}

/** How an image came to stand as it does, the newest change first. */
export async function listChanges(sql: Sql, name: string, page: Page): Promise<ChangeRow[]> {
  return sql<ChangeRow[]>`
    select version, state, storage, held_back, replacement, actor, reason, time
    from image_change where image = ${name}
      and (${page.after} = '' or version < nullif(${page.after}, '')::int)
    order by version desc limit ${page.size + 1}`
}

/** Where the bytes of an image were before it expired. */
export async function storedBefore(
  tx: Transaction,
  name: string,
): Promise<Exclude<StorageName, 'expired'>> {
  const [row] = await tx<{ storage: Exclude<StorageName, 'expired'> }[]>`
    select storage from image_change where image = ${name} and storage <> 'expired'
    order by version desc limit 1`
  return row?.storage ?? 'present'
}

/** Changes where its bytes are, and keeps who did it and why. */
export async function setStorage(
  tx: Transaction,
  name: string,
  storage: StorageName,
  by: Change,
): Promise<void> {
  await tx`update image set storage = ${storage}, version = version + 1 where name = ${name}`
  await keepChange(tx, name, by)
}

export interface Change {
  readonly actor: string
  readonly reason: string
}

/** Adds how the image stands now to its history. */
async function keepChange(tx: Transaction, name: string, { actor, reason }: Change): Promise<void> {
  await tx`
    insert into image_change (image, version, state, storage, held_back, replacement, actor, reason)
    select name, version, state, storage, held_back, replacement, ${actor}, ${reason}
    from image where name = ${name}`
}

/** What an image is when it is made. */
export interface NewImage {
  readonly name: ImageName
  readonly manifest: bigint
  readonly state: ImageStateName
  readonly notes: string
  readonly labels: Labels
  readonly creator: string
  readonly parent: string | undefined
  readonly build: string | undefined
  /** How its facility keeps it; undefined where the portal does. */
  readonly custom: { readonly days: number; readonly shared: boolean } | undefined
}

export async function insertImage(tx: Transaction, image: NewImage): Promise<void> {
  const { name, manifest, state, notes, labels, creator, parent, build: made, custom } = image
  const { namespace, distro, release, point, role, arch, build } = name
  const expires =
    custom === undefined ? tx`null` : tx`now() + make_interval(days => ${custom.days})`
  await tx`
    insert into image (name, facility, distro, release, point, role, arch, day, serial,
      manifest, state, notes, labels, creator, parent, build, custom, shared, expire_time)
    values (${renderImageName(name)}, ${namespace === '' ? null : namespace}, ${distro}, ${release},
      ${point}, ${role}, ${arch}, ${build.day}, ${build.serial}, ${manifest}, ${state}, ${notes}, ${tx.json(labels)},
      ${creator}, ${parent ?? null}, ${made ?? null}, ${custom !== undefined}, ${custom?.shared ?? true}, ${expires})`
  await keepChange(tx, renderImageName(name), { actor: creator, reason: 'published' })
}

/** Says which build made an image; false if another one did. */
export async function giveBuild(tx: Transaction, image: string, build: string): Promise<boolean> {
  const { count } = await tx`
    update image set build = ${build} where name = ${image} and build is null`
  return count > 0
}
