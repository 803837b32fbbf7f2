import { join } from 'node:path'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import { openBucket } from '../lib/chunks/bucket.ts'
import { openDirectory } from '../lib/chunks/directory.ts'
import type { PortalDeps, PortalSettings } from './portal.ts'

/** Where the portal's packs lie: a bucket if one is given, else a folder of the data directory. */
export async function openBlobs(
  settings: PortalSettings,
  { now, newUlid }: Pick<PortalDeps, 'now' | 'newUlid'>,
): Promise<BlobStore & AsyncDisposable> {
  if (settings.bucket === undefined) {
    return openDirectory({ path: join(settings.data, 'chunks'), startedAt: now().getTime() })
  }
  const { host, pathname } = new URL(settings.bucket)
  const prefix = pathname.replace(/^\/+|\/+$/g, '')
  return openBucket({
    bucket: host,
    prefix: prefix === '' ? '' : `${prefix}/`,
    region: settings.s3Region,
    pathStyle: settings.s3PathStyle,
    ...(settings.s3Endpoint === undefined ? {} : { endpoint: settings.s3Endpoint }),
    newId: newUlid,
  })
}
