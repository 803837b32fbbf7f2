import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fsck, type FsckReport } from '../lib/fsck/fsck.ts'
import { type FsckWorld, fsckSettings } from '../lib/fsck/run.ts'
import { missing } from '../lib/failure.ts'
import { makeLog } from '../lib/log.ts'
import { ownFolder } from '../lib/ownership.ts'
import type { Values } from '../lib/settings.ts'
import { startPool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import type { Side } from '../lib/fsck/side.ts'
import { archiveName, openArchiveBlobs, openBlobs } from './blobs.ts'
import { chunkIndex } from './chunks/queries.ts'
import { damageIn } from './chunks/damage.ts'
import { databaseOf } from './db/chosen.ts'
import { migrate } from './db/migrate.ts'
import type { Sql } from './db/open.ts'
import { portalSettings } from './settings.ts'
import { deltasOf, sideOf } from './storage/fsck.ts'
import { collectableIndex } from './storage/queries.ts'

const { data, database, bucket, s3Endpoint, s3Region, s3Ca, s3PathStyle } = portalSettings
const { archiveDir, archiveBucket, archiveStorageClass } = portalSettings
const { archiveS3Endpoint, archiveS3Region, archiveS3Ca, archiveS3PathStyle } = portalSettings

/** What `merge-image portal fsck` can be told. */
export const portalFsckSettings = {
  data: { ...data, about: 'where the portal keeps its files' },
  database,
  ...{ bucket, s3Endpoint, s3Region, s3Ca, s3PathStyle },
  archiveDir: { ...archiveDir, about: 'the folder of archived images, which is checked too then' },
  archiveBucket: { ...archiveBucket, about: 'their bucket, s3://BUCKET/PREFIX' },
  ...{ archiveStorageClass, archiveS3Endpoint, archiveS3Region, archiveS3Ca, archiveS3PathStyle },
  ...fsckSettings,
}

/** Checks a portal that does not run, and its archive if that is given. */
export async function fsckPortal(
  settings: Values<typeof portalFsckSettings>,
  world: FsckWorld & { readonly newUlid: () => string },
  signal: AbortSignal,
): Promise<FsckReport> {
  await demandPortal(settings)
  await using stack = new AsyncDisposableStack()
  stack.use(ownFolder(settings.data))
  const { sql, archive } = await databaseOf(settings, world, stack)
  await migrate(sql)
  const deps = { ...world, log: makeLog('silent') }
  const verify = verifier(stack.use(startPool(world.threads)))
  const own = { blobs: stack.use(await openBlobs(settings, deps)), verify }
  const main = { ...sideIn(sql, 'present', own), deltas: deltasOf(sql) }
  const report = await fsck(main, settings, world.tell, signal)
  if (archiveName(settings) === undefined) return report
  const theirs = { blobs: stack.use(await openArchiveBlobs(settings, deps)), verify }
  const other = sideIn(archive, 'archived', theirs)
  return together(report, await fsck(other, settings, world.tell, signal))
}

function sideIn(
  sql: Sql,
  storage: 'present' | 'archived',
  { blobs, verify }: Pick<Side, 'blobs' | 'verify'>,
): Side {
  return {
    ...{ blobs, verify },
    places: chunkIndex(sql),
    collectable: collectableIndex(sql, () => 0),
    damage: damageIn(sql),
    ...sideOf(sql, storage),
  }
}

/** Both in one; what is wrong in the archive says so. */
function together(report: FsckReport, archive: FsckReport): FsckReport {
  const found = archive.findings.map((each) => ({ ...each, where: `archive: ${each.where}` }))
  return {
    ...report,
    packs: report.packs + archive.packs,
    bytes: report.bytes + archive.bytes,
    chunks: report.chunks + archive.chunks,
    images: report.images + archive.images,
    manifests: report.manifests + archive.manifests,
    findings: [...report.findings, ...found],
  }
}

/** A wrong folder would be made, with an empty database in it. */
async function demandPortal(settings: Values<typeof portalFsckSettings>): Promise<void> {
  const path = settings.database === undefined ? join(settings.data, 'postgres') : settings.data
  if ((await stat(path).catch(() => undefined)) !== undefined) return
  throw missing(
    'NOT_PRESENT',
    `There is no portal in ${settings.data}: give its folder with --data, and with --database the database if it has its own.`,
    { path },
  )
}
