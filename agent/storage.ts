import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import type { CollectableIndex } from '../lib/chunks/collectable.ts'
import type { DamageLog } from '../lib/chunks/damage.ts'
import { openDirectory } from '../lib/chunks/directory.ts'
import { packStore } from '../lib/chunks/packs.ts'
import type { ChunkIndex } from '../lib/chunks/places.ts'
import type { ChunkStore } from '../lib/chunks/source.ts'
import { ownFolder } from '../lib/ownership.ts'
import type { World } from '../lib/service.ts'
import { startPool, type Pool } from '../lib/workers/pool.ts'
import { collectableIn } from './collectable.ts'
import { damageIn } from './damage.ts'
import { openAgentDatabase } from './database.ts'
import { diskOf, type Disk } from '../lib/disk.ts'
import { draftsIn, type Drafts } from './drafts.ts'
import { imagesIn, type ImageTable } from './images.ts'
import { findLostPacks } from './lost.ts'
import { projectionIn, type ProjectionTable } from './projection/table.ts'
import type { RoundDeps } from './round.ts'
import type { FormTable } from '../lib/offered/offering.ts'
import { offeredIn } from './offered/table.ts'
import { needsIn, type Needs } from './needs.ts'
import { placesIn } from './places.ts'
import { marking, uncompressedIn, type Uncompressed } from './uncompressed.ts'
import { usageIn, type Usage } from './usage.ts'
import { weigh } from './weights.ts'

/** What an agent keeps, and what it is kept with. */
export interface Storage {
  readonly store: ChunkStore
  readonly places: ChunkIndex
  readonly images: ImageTable
  readonly needs: Needs
  readonly collectable: CollectableIndex
  readonly uncompressed: Uncompressed
  readonly damage: DamageLog
  readonly blobs: BlobStore
  readonly disk: () => Promise<Disk>
  readonly drafts: Drafts
  readonly usage: Usage
  /** What was laid out at a place for others to read. */
  readonly projection: (place: string) => ProjectionTable
  /** What is known of the forms in which images are offered. */
  readonly offered: FormTable
  readonly weigh: RoundDeps['weigh']
  readonly pool: Pool
}

/** Opens the folder of an agent, and finds what a crash left in it. */
export async function openStorage(
  data: string,
  deps: World,
  stack: AsyncDisposableStack,
): Promise<Storage> {
  stack.use(ownFolder(data))
  const db = openAgentDatabase(data, deps.now)
  stack.defer(() => {
    db.close()
  })
  const startedAt = deps.now().getTime()
  const blobs = stack.use(
    await openDirectory({ path: join(data, 'chunks'), startedAt, now: startedAt }),
  )
  const pool = stack.use(startPool(deps.threads))
  return storageOn({ db, blobs, pool, disk: () => diskOf(data) }, deps)
}

/** What an agent's storage stands on. */
export interface Ground extends Pick<Storage, 'blobs' | 'pool' | 'disk'> {
  readonly db: DatabaseSync
  /** How large a pack becomes; as usual if not given. */
  readonly packBytes?: number
}

/** What an agent keeps, with the packs found again that a crash left without rows. */
export async function storageOn(
  { db, blobs, pool, disk, packBytes }: Ground,
  deps: Pick<World, 'now' | 'newUlid' | 'log'>,
): Promise<Storage> {
  const [images, uncompressed] = [imagesIn(db), uncompressedIn(db)]
  const places = placesIn(db)
  await findLostPacks(blobs, images.packs(), places, deps.log)
  const size = packBytes === undefined ? {} : { packBytes }
  const packs = { blobs: marking(blobs, uncompressed), index: places, newId: deps.newUlid }
  const store = packStore({ ...packs, ...size })
  const needs = needsIn(db)
  const collectable = collectableIn(db, needs.takeRevived)
  const damage = damageIn(db)
  return {
    ...{ store, places, images, needs, collectable, damage, blobs, disk, pool },
    uncompressed,
    drafts: draftsIn(db),
    usage: usageIn(db, deps.now),
    projection: (place) => projectionIn(db, place),
    offered: offeredIn(db),
    weigh: (ranks, isKept) => weigh(db, ranks, isKept),
  }
}
