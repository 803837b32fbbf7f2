import { join } from 'node:path'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import type { Bucket, BucketOptions } from '../lib/chunks/bucket.ts'
import { openDirectory, type Directory } from '../lib/chunks/directory.ts'
import { bucketAt, type ServerSettings } from '../lib/chunks/given.ts'
import type { PortalDeps, PortalSettings } from './portal.ts'

type BlobsSettings = ServerSettings & Pick<PortalSettings, 'data' | 'bucket'>

/** Where the archive is, as the portal is told. */
export type ArchiveSettings = ServerSettings &
  Pick<
    PortalSettings,
    | 'archiveDir'
    | 'archiveBucket'
    | 'archiveStorageClass'
    | 'archiveS3Endpoint'
    | 'archiveS3Region'
    | 'archiveS3Ca'
    | 'archiveS3PathStyle'
  >

type BlobsDeps = Pick<PortalDeps, 'now' | 'newUlid' | 'newUuid' | 'log'>

/** Where the portal's packs lie: a bucket if one is given, else a folder of the data directory. */
export async function openBlobs(
  settings: BlobsSettings,
  deps: BlobsDeps,
): Promise<BlobStore & AsyncDisposable> {
  if (settings.bucket === undefined) {
    return directoryAt(join(settings.data, 'chunks'), deps)
  }
  const bucket = await bucketOf({
    ...(await bucketAt(settings.bucket, settings, deps.newUuid)),
    newId: deps.newUlid,
  })
  tell(settings.bucket, bucket, deps)
  return bucket
}

function directoryAt(path: string, deps: Pick<BlobsDeps, 'now'>): Promise<Directory> {
  const startedAt = deps.now().getTime()
  return openDirectory({ path, startedAt, now: startedAt })
}

/** What the archive is called for people; undefined if there is none. */
export function archiveName({ archiveBucket, archiveDir }: ArchiveSettings): string | undefined {
  return archiveBucket ?? archiveDir
}

/** Where archived packs lie: the bucket or folder that is given. */
export async function openArchiveBlobs(
  settings: ArchiveSettings,
  deps: BlobsDeps,
): Promise<BlobStore & AsyncDisposable> {
  const { archiveBucket: address, archiveDir: path = '', archiveStorageClass } = settings
  if (address === undefined) return directoryAt(path, deps)
  const options = await bucketAt(address, archiveServer(settings), deps.newUuid)
  const storageClass = archiveStorageClass
  const bucket = await bucketOf({
    ...options,
    newId: deps.newUlid,
    ...(storageClass === undefined ? {} : { storageClass }),
  })
  tell(address, bucket, deps)
  return bucket
}

/** The store's server, unless the archive has one of its own. */
function archiveServer(settings: ArchiveSettings): ServerSettings {
  const { archiveS3Endpoint, archiveS3Region, archiveS3Ca, archiveS3PathStyle } = settings
  if (archiveS3Endpoint === undefined) return settings
  return {
    s3Endpoint: archiveS3Endpoint,
    s3Region: archiveS3Region,
    s3Ca: archiveS3Ca,
    s3PathStyle: archiveS3PathStyle,
  }
}

function tell(address: string, { abilities }: Bucket, { log }: BlobsDeps): void {
  log.info({ bucket: address, ...abilities }, 'bucket ready')
  if (abilities.conditionalPut === 'honoured') return
  log.warn(
    { bucket: address },
    'the S3 server has no conditional put: packs rest on keys that are never used twice, and are looked at after each put',
  )
}

/** The client for S3 takes some 30 MB: who has no bucket does without. */
async function bucketOf(options: BucketOptions): Promise<Bucket> {
  const { openBucket } = await import('../lib/chunks/bucket.ts')
  return openBucket(options)
}
