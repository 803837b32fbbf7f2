import { randomUUID } from 'node:crypto'
import { chunkDigests } from '../../lib/content/manifest.ts'
import {
  ArchiveImageRequest,
  ExpireImageRequest,
  ImageStorage,
  RestoreImageRequest,
  RestoreKind,
  type Image,
} from '../../proto/gen/merge/image/v1/image.ts'
import type { Sql } from '../../services/db/open.ts'
import { manifestOf } from './images.ts'
import { fetchRight } from './overlapping.ts'
import type { Clients } from './portal.ts'

export async function archive({ images }: Clients, name: string) {
  const request = { requestId: randomUUID(), name, reason: 'seldom used' }
  return images.archiveImage(ArchiveImageRequest.create(request))
}

export async function restore({ images }: Clients, name: string) {
  const kind = RestoreKind.RESTORE_KIND_BYTES
  const request = { requestId: randomUUID(), name, kind, reason: 'needed again' }
  return images.restoreImage(RestoreImageRequest.create(request))
}

export async function expire({ images }: Clients, name: string, validateOnly = false) {
  const request = { requestId: randomUUID(), name, reason: 'old', validateOnly }
  return images.expireImage(ExpireImageRequest.create(request))
}

/** Follows the image until it is so, and answers how it is then. */
export async function watched(
  { images }: Clients,
  name: string,
  isSo: (image: Image) => boolean,
): Promise<Image> {
  for await (const { image } of images.watchImage({ name })) {
    if (image !== undefined && isSo(image)) return image
  }
  throw new Error(`nobody told of ${name} any more`)
}

export const isArchived = ({ storage, move }: Image): boolean =>
  storage === ImageStorage.IMAGE_STORAGE_ARCHIVED && move === undefined

export const isPresent = ({ storage, move }: Image): boolean =>
  storage === ImageStorage.IMAGE_STORAGE_PRESENT && move === undefined

export const isStuck = ({ move }: Image): boolean => move !== undefined && move.error !== ''

/** Whether every chunk of the bytes comes back from the portal, and right. */
export async function servesAll(clients: Clients, data: Uint8Array): Promise<boolean> {
  const digests = chunkDigests(manifestOf(data))
  return (await fetchRight(clients, digests).catch(() => 0)) === new Set(digests).size
}

/** How many rows tie the image's manifest to chunks of the portal's store, and of the archive's. */
export async function tiesOf(sql: Sql, name: string) {
  const [row] = await sql<{ main: number; archive: number }[]>`
    select (select count(*) from public.manifest_chunk as one where one.manifest = image.manifest)::int as main,
      (select count(*) from archive.manifest_chunk as one where one.manifest = image.manifest)::int as archive
    from image where name = ${name}`
  return row
}
