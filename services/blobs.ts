import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import { type Bucket, type BucketOptions, openBucket } from '../lib/chunks/bucket.ts'
import { openDirectory } from '../lib/chunks/directory.ts'
import { errorCode, precondition } from '../lib/failure.ts'
import type { PortalDeps, PortalSettings } from './portal.ts'

type ServerSettings = Pick<PortalSettings, 's3Endpoint' | 's3Region' | 's3Ca' | 's3PathStyle'>

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
    return openDirectory({ path: join(settings.data, 'chunks'), startedAt: deps.now().getTime() })
  }
  const bucket = await openBucket(await bucketOptions(settings, settings.bucket, deps))
  tell(settings.bucket, bucket, deps)
  return bucket
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
  if (address === undefined) return openDirectory({ path, startedAt: deps.now().getTime() })
  const options = await bucketOptions(archiveServer(settings), address, deps)
  const storageClass = archiveStorageClass
  const bucket = await openBucket({
    ...options,
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

async function bucketOptions(
  settings: ServerSettings,
  address: string,
  { newUlid, newUuid }: BlobsDeps,
): Promise<BucketOptions> {
  const { s3Endpoint: endpoint, s3Region: region, s3Ca } = settings
  const { host, pathname } = new URL(address)
  const prefix = pathname.replace(/^\/+|\/+$/g, '')
  return {
    bucket: host,
    prefix: prefix === '' ? '' : `${prefix}/`,
    pathStyle: settings.s3PathStyle,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(s3Ca === undefined ? {} : { ca: await certificates(s3Ca) }),
    newId: newUlid,
    random: () => parseInt(newUuid().slice(0, 8), 16) / 2 ** 32,
  }
}

async function certificates(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const text = `--s3-ca: ${file} cannot be read (${errorCode(error) ?? String(error)})`
    throw precondition('UNREADABLE', text, { path: file }, error)
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
