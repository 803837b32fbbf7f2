import type { Logger } from 'pino'
import type { Bell } from '../lib/bell.ts'
import { isOver } from '../lib/chunks/abort.ts'
import type { Clock } from '../lib/chunks/clock.ts'
import { deleteDoomed } from '../lib/chunks/collect.ts'
import { rewritePacks, type RewriteDeps } from '../lib/chunks/rewrite.ts'
import { Failure } from '../lib/failure.ts'
import type { Transfers } from './transfers.ts'
import type { Uncompressed } from './uncompressed.ts'

/** `verify` compresses what it checks. */
export interface CompressingDeps extends RewriteDeps {
  readonly uncompressed: Uncompressed
  readonly state: { readonly transfers: Transfers; readonly bell: Bell }
  readonly clock: Clock
  readonly log: Logger
}

const lookMs = 60_000
/** Between two images that are fetched one after another nothing is begun. */
const quietMs = 1000
/** Compressed, so many packs of chunks that were stored raw become about one. */
const packsAtOnce = 3

/** Compresses what was stored raw because somebody waited for it, whenever nothing is fetched. */
export async function keepCompressing(deps: CompressingDeps, signal: AbortSignal): Promise<void> {
  const { state, clock, uncompressed, log } = deps
  while (!signal.aborted) {
    // All that happens in a fetch wakes it, a few hundred times a second.
    if (!isFetching(state) && uncompressed.packs(1).length > 0) {
      await clock.sleep(quietMs, signal).catch(() => undefined)
      await compressAll(deps, signal).catch((error: unknown) => {
        if (isOver(signal)) return
        const told = error instanceof Failure ? { error: error.message } : { err: error }
        log.warn(told, 'chunks that deltas made are not compressed yet')
      })
    }
    await state.bell.next(lookMs, signal)
  }
}

async function compressAll(deps: CompressingDeps, signal: AbortSignal): Promise<void> {
  const { uncompressed, state, log } = deps
  let count = 0
  while (!isFetching(state)) {
    const packs = uncompressed.packs(packsAtOnce)
    if (packs.length === 0) {
      // What is marked and is nowhere came never; while something is fetched it may come yet.
      uncompressed.sweep()
      if (count > 0) log.info({ packs: count }, 'chunks that deltas made are compressed')
      return
    }
    await compress(packs, deps, signal)
    // Its disk may be nearly full.
    await deleteDoomed(deps, signal)
    count += packs.length
  }
}

/** What is damaged, or cannot be read, stays as it is: that is for the scrub. */
async function compress(
  packs: readonly string[],
  deps: CompressingDeps,
  signal: AbortSignal,
): Promise<void> {
  const { uncompressed, log } = deps
  try {
    const made = await rewritePacks(packs, deps, signal)
    if (made !== undefined) uncompressed.settle(made.key)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Failure) || error.reason === 'DISK_FULL') throw error
    if (packs.length > 1) {
      for (const pack of packs) await compress([pack], deps, signal)
      return
    }
    log.warn({ pack: packs[0], error: error.message }, 'pack not compressed')
    for (const pack of packs) uncompressed.settle(pack)
  }
}

function isFetching({ transfers }: CompressingDeps['state']): boolean {
  return [...transfers.values()].some(({ state }) => state === 'fetching')
}
