import { stat } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Collector } from '../../lib/chunks/collector.ts'
import type { Heal } from '../../lib/chunks/healing.ts'
import { packStore } from '../../lib/chunks/packs.ts'
import type { RankedSource } from '../../lib/chunks/ranking.ts'
import type { Scrubber } from '../../lib/chunks/scrubber.ts'
import type { ChunkSource, ChunkStore } from '../../lib/chunks/source.ts'
import { verified, type Verify } from '../../lib/chunks/verified.ts'
import { errorCode, precondition } from '../../lib/failure.ts'
import { archiveName, type ArchiveSettings, openArchiveBlobs } from '../blobs.ts'
import type { Holders } from '../chunks/holders.ts'
import { chunkIndex } from '../chunks/queries.ts'
import { portalScrubber } from '../chunks/scrubbing.ts'
import type { Sql } from '../db/open.ts'
import { portalCollector } from '../storage/collecting.ts'
import { type Leases, leasesIn } from '../uploads/leases.ts'
import { reachable } from './reaching.ts'

/** A store of chunks that an image's bytes can move to. */
export interface Store {
  readonly sql: Sql
  readonly store: ChunkStore
  readonly leases: Leases
  readonly heal: Heal
}

/** Where images go that are kept and seldom needed. It may be away, and the portal serves nonetheless. */
export interface Archive extends Store, AsyncDisposable {
  /** ARCHIVE_UNREACHABLE if it is away. */
  reach(signal?: AbortSignal): Promise<void>
  readonly collecting: Collector
  readonly scrubbing: Scrubber
}

/** The archive that the portal is told of; undefined if it is told of none. */
export function openArchive(
  settings: ArchiveSettings & {
    readonly collectGrace: number
    readonly undelete: number
    readonly scrubRate: number
  },
  given: {
    /** Finds the archive's tables. */
    readonly sql: Sql
    /** The portal's own store: what is damaged in the archive may be whole there. */
    readonly main: ChunkSource
    readonly holders: Pick<Holders, 'sources'>
    readonly verify: Verify
    readonly log: Logger
    readonly clock: () => number
    readonly now: () => Date
    readonly newUlid: () => string
    readonly newUuid: () => string
  },
): Archive | undefined {
  const name = archiveName(settings)
  if (name === undefined) return undefined
  const deps = { ...given, log: given.log.child({ store: 'archive' }) }
  const { sql, verify, newUlid } = deps
  const open = async () => {
    await demandFolder(settings, sql)
    return openArchiveBlobs(settings, deps)
  }
  const blobs = reachable({ name, open, isUsed: () => hasPacks(sql) })
  const store = packStore({ blobs, index: chunkIndex(sql), newId: newUlid })
  const leases = leasesIn(sql)
  const portal = { name: 'portal', origin: 'peer', source: verified(deps.main, verify) } as const
  const sources = async (): Promise<RankedSource[]> => [portal, ...(await deps.holders.sources())]
  const both = { ...deps, blobs, leases }
  const scrubbing = portalScrubber(settings, {
    ...{ ...both, store, holders: { sources } },
    storage: 'archived',
  })
  return {
    ...{ sql, store, leases, scrubbing },
    reach: (signal) => blobs.reach(signal),
    // What is away is not damaged.
    async heal(digests, signal) {
      await blobs.reach(signal)
      await scrubbing.heal(digests, signal)
    },
    collecting: portalCollector(settings, { ...both, demand: () => blobs.reach() }),
    [Symbol.asyncDispose]: () => blobs[Symbol.asyncDispose](),
  }
}

/** The archive, if the portal has one that can be reached; ARCHIVE_UNREACHABLE says why not. */
export async function demandArchive<A extends Pick<Archive, 'reach'>>(
  archive: A | undefined,
  signal?: AbortSignal,
): Promise<A> {
  if (archive !== undefined) {
    await archive.reach(signal)
    return archive
  }
  const text =
    'The portal has no archive: start it with --archive-dir DIR or --archive-bucket s3://BUCKET/PREFIX.'
  throw precondition('ARCHIVE_UNREACHABLE', text, { archive: '' })
}

/** The folder is made for the first packs, and never in place of one that has some and is away. */
async function demandFolder({ archiveDir, archiveBucket }: ArchiveSettings, sql: Sql) {
  if (archiveDir === undefined || archiveBucket !== undefined || !(await hasPacks(sql))) return
  try {
    await stat(archiveDir)
  } catch (error) {
    const text = `the folder is not there (${errorCode(error) ?? String(error)})`
    throw precondition('UNREADABLE', text, { path: archiveDir }, error)
  }
}

async function hasPacks(sql: Sql): Promise<boolean> {
  const packs = await sql`select from pack limit 1`
  return packs.length > 0
}
