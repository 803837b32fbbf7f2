import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
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
import { noise } from './chunks.ts'
import { temporaryFolder } from './folder.ts'
import { manifestOf, publish } from './images.ts'
import { fetchRight } from './overlapping.ts'
import { freshPortal, type Clients } from './portal.ts'

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

/** A portal with an archive in a folder that is not there yet, and a line of two images; nothing needs the older one. */
export async function portalWithArchive() {
  const stack = new AsyncDisposableStack()
  const folder = join(stack.use(await temporaryFolder()).path, 'archive')
  const flags = ['--archive-dir', folder, '--collect-every', '0', '--collect-grace', '0']
  const portal = stack.use(await freshPortal(undefined, undefined, flags))
  const producer = portal.as('producer:alice')
  const data = noise('data', 700_000)
  const old = await publish(producer, 'debian-13', data)
  const newest = await publish(producer, 'debian-13', noise('newer', 200_000))
  const { sql } = portal
  const collect = () => portal.as('admin').storage.collect({ validateOnly: false })
  return {
    ...{ portal, producer, folder, data, old, newest, collect },
    /** Has the portal collect, and delete what it condemned. */
    async longAfter() {
      await collect()
      await sql`update chunk set condemn_time = condemn_time - interval '8 days'`
      await collect()
    },
    async toArchive(name: string) {
      await archive(producer, name)
      await watched(producer, name, isArchived)
    },
    /** Begins a move that nobody works at yet, as a portal leaves it that was stopped. */
    async waiting(image: string, kind: 'archive' | 'restore') {
      const lease = randomUUID()
      await sql`
        insert into upload (id, caller, target, expire_time)
        values (${lease}, 'system', ${image}, now() + interval '1 day')`
      await sql`
        insert into move (image, kind, lease, actor, reason, lease_time)
        values (${image}, ${kind}, ${lease}, 'me', '', now() + interval '1 day')`
    },
    /** Has moves tried at once. */
    async goOn() {
      await sql`update move set lease_time = null, error = ''`
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
