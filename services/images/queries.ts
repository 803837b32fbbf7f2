import { renderImageName, renderLine, type ImageName, type Line } from '../../lib/names/name.ts'
import type { Page } from '../pages.ts'
import type { Sql, Transaction } from '../db/open.ts'

export type ImageStateName = 'candidate' | 'released' | 'deprecated' | 'revoked'
export type StorageName = 'present' | 'archived' | 'expired'

/** An image with what its manifest says. */
export interface ImageRow {
  readonly name: string
  readonly digest: string
  readonly state: ImageStateName
  readonly storage: StorageName
  readonly heldBack: boolean
  readonly replacement: string | null
  readonly notes: string
  readonly creator: string
  readonly createTime: Date
  readonly version: number
  readonly sequence: bigint
  readonly chunkCount: number
  readonly chunkBytes: bigint
  readonly storedBytes: bigint
  readonly artifacts: readonly {
    readonly kind: number
    readonly boot: number
    readonly mediaType: string
    readonly sizeBytes: string
    readonly dataBytes: string
    readonly sha256: string
  }[]
}

export interface ImageFilterRow {
  readonly namespace: string
  readonly distro: string
  readonly release: string
  readonly role: string
  readonly arch: string
  readonly state: ImageStateName | ''
}

const columns = (sql: Sql | Transaction) => sql`
  image.name, encode(manifest.digest, 'hex') as digest, state, storage, held_back, replacement,
  notes, creator, create_time, version, sequence, chunk_count, chunk_bytes, stored_bytes,
  (select json_agg(json_build_object(
      'kind', kind, 'boot', boot, 'mediaType', media_type, 'sizeBytes', size_bytes::text, 'dataBytes', data_bytes::text,
      'sha256', encode(sha256, 'hex')) order by kind, boot)
    from artifact where artifact.manifest = manifest.id) as artifacts`

export async function findImage(
  sql: Sql | Transaction,
  name: string,
): Promise<ImageRow | undefined> {
  const [row] = await sql<ImageRow[]>`
    select ${columns(sql)} from image join manifest on manifest.id = image.manifest
    where image.name = ${name}`
  return row
}

export async function findImages(
  sql: Sql | Transaction,
  names: readonly string[],
): Promise<ImageRow[]> {
  return sql<ImageRow[]>`
    select ${columns(sql)} from image join manifest on manifest.id = image.manifest
    where image.name = any(${names as string[]})`
}

export async function listImages(
  sql: Sql,
  filter: ImageFilterRow,
  page: Page,
): Promise<ImageRow[]> {
  const { namespace, distro, release, role, arch, state } = filter
  return sql<ImageRow[]>`
    select ${columns(sql)} from image join manifest on manifest.id = image.manifest
    where (${page.after} = '' or sequence < nullif(${page.after}, '')::bigint)
      and (${namespace} = '' or coalesce(facility, 'portal') = ${namespace})
      and (${distro} = '' or distro = ${distro})
      and (${release} = '' or release = ${release})
      and (${role} = '' or role = ${role})
      and (${arch} = '' or arch = ${arch})
      and (${state} = '' or state = ${state})
    order by sequence desc limit ${page.size + 1}`
}

/** Locks the image until the transaction ends; who only refers to it does not wait. */
export async function lockImage(
  tx: Transaction,
  name: string,
): Promise<{ readonly state: ImageStateName; readonly version: number } | undefined> {
  const [row] = await tx<{ state: ImageStateName; version: number }[]>`
    select state, version from image where name = ${name} for no key update`
  return row
}

/** Changes the state, and keeps who did it and why. */
export async function setState(
  tx: Transaction,
  name: string,
  state: ImageStateName,
  by: Change,
): Promise<void> {
  await tx`update image set state = ${state}, version = version + 1 where name = ${name}`
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

/**
 * Makes all who give out names of a line, or decide which of its images is the newest, wait for each other until the
 * transaction ends. Locks are taken in one order, so that nobody waits in a circle: line, image, alias, names.
 */
export async function lockLine(tx: Transaction, line: Line): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${renderLine(line)}, 0))`
}

/** Of a namespace, as the index of names finds it: `is not distinct from` does not. */
export function ownedBy(sql: Sql | Transaction, namespace: string) {
  return namespace === '' ? sql`facility is null` : sql`facility = ${namespace}`
}

/** The serial of the next build of a day. */
export async function nextSerial(tx: Transaction, name: Omit<ImageName, 'build'>, day: string) {
  const { namespace, distro, release, point, role, arch } = name
  await lockLine(tx, name)
  const [row] = await tx<{ next: number }[]>`
    select coalesce(max(serial) + 1, 0) as next from image
    where ${ownedBy(tx, namespace)}
      and distro = ${distro} and release = ${release} and point = ${point}
      and role = ${role} and arch = ${arch} and day = ${day}`
  return row?.next ?? 0
}

export async function insertImage(
  tx: Transaction,
  image: {
    readonly name: ImageName
    readonly manifest: bigint
    readonly state: ImageStateName
    readonly notes: string
    readonly creator: string
  },
): Promise<void> {
  const { name, manifest, state, notes, creator } = image
  const { namespace, distro, release, point, role, arch, build } = name
  await tx`
    insert into image (name, facility, distro, release, point, role, arch, day, serial,
      manifest, state, notes, creator)
    values (${renderImageName(name)}, ${namespace === '' ? null : namespace}, ${distro}, ${release},
      ${point}, ${role}, ${arch}, ${build.day}, ${build.serial}, ${manifest}, ${state}, ${notes},
      ${creator})`
  await keepChange(tx, renderImageName(name), { actor: creator, reason: 'published' })
}
