import type { ImageName } from '../../lib/names/name.ts'
import { renderImageName } from '../../lib/names/name.ts'
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

/** Locks the image's row until the transaction ends. */
export async function lockImage(
  tx: Transaction,
  name: string,
): Promise<{ readonly state: ImageStateName; readonly version: number } | undefined> {
  const [row] = await tx<{ state: ImageStateName; version: number }[]>`
    select state, version from image where name = ${name} for update`
  return row
}

export async function setState(
  tx: Transaction,
  name: string,
  state: ImageStateName,
): Promise<void> {
  await tx`update image set state = ${state}, version = version + 1 where name = ${name}`
}

/** The serial of the next build of a day; the lock makes publishers of one line wait for each other. */
export async function nextSerial(tx: Transaction, name: Omit<ImageName, 'build'>, day: string) {
  const { namespace, distro, release, point, role, arch } = name
  const line = [namespace, distro, release, point, role, arch].join(' ')
  await tx`select pg_advisory_xact_lock(hashtextextended(${line}, 0))`
  const [row] = await tx<{ next: number }[]>`
    select coalesce(max(serial) + 1, 0) as next from image
    where facility is not distinct from ${namespace === '' ? null : namespace}
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
}
