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
import { openBlobs } from './blobs.ts'
import { chunkIndex } from './chunks/queries.ts'
import { damageIn } from './chunks/damage.ts'
import { databaseOf } from './db/chosen.ts'
import { migrate } from './db/migrate.ts'
import { portalSettings } from './settings.ts'
import { sideOf } from './storage/fsck.ts'
import { collectableIndex } from './storage/queries.ts'

const { data, database, bucket, s3Endpoint, s3Region, s3Ca, s3PathStyle } = portalSettings

/** What `merge-image portal fsck` can be told. */
export const portalFsckSettings = {
  data: { ...data, about: 'where the portal keeps its files' },
  database,
  bucket,
  s3Endpoint,
  s3Region,
  s3Ca,
  s3PathStyle,
  ...fsckSettings,
}

/** Checks a portal that does not run. */
export async function fsckPortal(
  settings: Values<typeof portalFsckSettings>,
  world: FsckWorld & { readonly newUlid: () => string },
  signal: AbortSignal,
): Promise<FsckReport> {
  await demandPortal(settings)
  await using stack = new AsyncDisposableStack()
  stack.use(ownFolder(settings.data))
  const sql = await databaseOf(settings, world, stack)
  await migrate(sql)
  const blobs = stack.use(await openBlobs(settings, { ...world, log: makeLog('silent') }))
  const pool = stack.use(startPool(world.threads))
  const side = {
    blobs,
    places: chunkIndex(sql),
    collectable: collectableIndex(sql, () => 0),
    damage: damageIn(sql),
    verify: verifier(pool),
    ...sideOf(sql),
  }
  return await fsck(side, settings, world.tell, signal)
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
