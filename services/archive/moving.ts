import type { Logger } from 'pino'
import { either, isOver, nobodyWaits } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Verify } from '../../lib/chunks/verified.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { decodeManifest } from '../../lib/content/encoding.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { Failure } from '../../lib/failure.ts'
import type { Sql } from '../db/open.ts'
import { readManifest } from '../uploads/manifests.ts'
import { type Archive, demandArchive, type Store } from './archive.ts'
import { copyVerified, readBack } from './copying.ts'
import { endOf, type Outcome } from './ending.ts'
import {
  claimMove,
  failMove,
  findContent,
  leaveAll,
  leaveMove,
  mover,
  renewMove,
  storedBytesOf,
  type Move,
  type MoveProgress,
} from './queries.ts'

export interface MovingDeps {
  readonly sql: Sql
  /** The portal's own store. */
  readonly main: Store
  readonly archive: Archive | undefined
  readonly verify: Verify
  readonly log: Logger
  readonly now: () => Date
  /** Whether no other portal moves images of this database. */
  readonly alone?: boolean
  /** How long a move that failed rests before it is tried again. */
  readonly restMs?: number
}

const pollMs = 500
const tellMs = 1_000
const usualRestMs = 15_000

/**
 * Moves images to the archive and back, one after another, for ever. What a move did is all in the stores and their rows: whoever
 * begins it again does what is left.
 */
export async function keepMoving(deps: MovingDeps, signal: AbortSignal): Promise<void> {
  const { sql, log, alone = false } = deps
  if (alone) await leaveAll(sql).catch(() => undefined)
  while (!isOver(signal)) {
    const move = await claimMove(sql).catch((error: unknown) => {
      if (!isOver(signal)) log.warn({ err: error }, 'moves of images could not be looked for')
      return undefined
    })
    if (move === undefined) await sleep(pollMs, signal).catch(() => undefined)
    else await moveOnce(move, deps, signal)
  }
}

async function moveOnce(move: Move, deps: MovingDeps, signal: AbortSignal): Promise<void> {
  const { sql, log, restMs = usualRestMs } = deps
  const { image, kind, lease } = move
  try {
    const outcome = await telling(
      move,
      sql,
      (progress) => carryOut(move, deps, progress, signal),
      signal,
    )
    if (outcome === 'moved') log.info({ image, kind }, 'image moved')
    else if (outcome !== undefined) log.info({ image, kind, why: outcome.left }, 'image not moved')
  } catch (error) {
    if (isOver(signal)) {
      await leaveMove(sql, lease).catch(() => undefined)
      return
    }
    log.warn({ image, kind, ...toldOf(error) }, 'image could not be moved, and is tried again')
    await failMove(sql, lease, error instanceof Error ? error.message : String(error), restMs)
      // Then its lease runs out.
      .catch(() => undefined)
  }
}

function toldOf(error: unknown) {
  return error instanceof Failure ? { error: error.message } : { err: error }
}

/** Says about once a second how far the work is. */
async function telling<T>(
  { lease }: Move,
  sql: Sql,
  work: (progress: MoveProgress) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const progress: MoveProgress = { totalBytes: 0, doneBytes: 0 }
  const stop = new AbortController()
  const until = either(stop.signal, signal)
  const tell = async (): Promise<void> => {
    while (!isOver(until)) {
      // Who cannot say so now says it a second later.
      await renewMove(sql, lease, progress).catch(() => undefined)
      await sleep(tellMs, until).catch(() => undefined)
    }
  }
  // A lease that ran out is one again before anything is leased by it.
  await renewMove(sql, lease, progress)
  const told = tell()
  try {
    return await work(progress)
  } finally {
    stop.abort(nobodyWaits)
    await told
  }
}

async function carryOut(
  move: Move,
  deps: MovingDeps,
  progress: MoveProgress,
  signal: AbortSignal,
): Promise<Outcome> {
  const found = await findContent(deps.sql, move.image)
  if (found === undefined) return undefined
  const digests = chunkDigests(decodeManifest(await readManifest(deps.sql, found.digest)))
  if (move.kind === 'archive') await toArchive(move, digests, deps, progress, signal)
  else await fromArchive(move, digests, deps, progress, signal)
  return endOf(move, deps, digests)
}

/** Reads all of it back, not only what is new: the originals go, and nothing may stand for them that nobody has seen. */
async function toArchive(
  { lease }: Move,
  digests: readonly Digest[],
  deps: MovingDeps,
  progress: MoveProgress,
  signal: AbortSignal,
): Promise<void> {
  const { main, verify } = deps
  const archive = await demandArchive(deps.archive, signal)
  const lacking = await archive.leases.take(lease, mover, digests)
  const toCopy = await storedBytesOf(main.sql, lacking)
  progress.totalBytes = toCopy + (await storedBytesOf(main.sql, digests))
  const onBytes = counting(progress)
  await copyVerified({ from: main, to: archive.store, digests: lacking, verify, onBytes }, signal)
  await readBack({ from: archive, digests, verify, onBytes }, signal)
}

/** What is condemned here and not gone comes back with the lease; the archive is asked only for what is lacking then. */
async function fromArchive(
  { lease }: Move,
  digests: readonly Digest[],
  deps: MovingDeps,
  progress: MoveProgress,
  signal: AbortSignal,
): Promise<void> {
  const { main, verify } = deps
  const lacking = await main.leases.take(lease, mover, digests)
  if (lacking.length === 0) return
  const archive = await demandArchive(deps.archive, signal)
  progress.totalBytes = await storedBytesOf(archive.sql, lacking)
  const onBytes = counting(progress)
  await copyVerified({ from: archive, to: main.store, digests: lacking, verify, onBytes }, signal)
}

function counting(progress: MoveProgress): (bytes: number) => void {
  return (bytes) => {
    progress.doneBytes += bytes
  }
}
