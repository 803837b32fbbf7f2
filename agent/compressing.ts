import type { Logger } from 'pino'
import type { Bell } from '../lib/bell.ts'
import { isOver } from '../lib/chunks/abort.ts'
import type { Clock } from '../lib/chunks/clock.ts'
import type { Collector } from '../lib/chunks/collector.ts'
import { rewritePacks, type RewriteDeps } from '../lib/chunks/rewrite.ts'
import { Failure } from '../lib/failure.ts'
import type { Transfers } from './transfers.ts'
import type { Uncompressed } from './uncompressed.ts'

/** `verify` compresses what it checks. */
export interface CompressingDeps extends RewriteDeps {
  readonly uncompressed: Uncompressed
  readonly collecting: Pick<Collector, 'run'>
  readonly state: { readonly transfers: Transfers; readonly bell: Bell }
  readonly clock: Clock
  readonly log: Logger
}

const lookMs = 60_000
/** Compressed, so many packs of chunks that were stored raw become about one. */
const packsAtOnce = 3

/** Compresses what was stored raw because somebody waited for it, whenever nothing is fetched. */
export async function keepCompressing(deps: CompressingDeps, signal: AbortSignal): Promise<void> {
  const { state, clock, log } = deps
  while (!signal.aborted) {
    try {
      if (!isFetching(state)) await compressAll(deps, signal)
    } catch (error) {
      if (isOver(signal)) return
      const told = error instanceof Failure ? { error: error.message } : { err: error }
      log.warn(told, 'chunks that deltas made were not compressed, and will be tried again')
      await clock.sleep(lookMs, signal).catch(() => undefined)
    }
    await state.bell.next(lookMs, signal)
  }
}

/** What of it is damaged, or cannot be read, stays as it is: that is for the scrub. */
async function compressAll(deps: CompressingDeps, signal: AbortSignal): Promise<void> {
  const { uncompressed, collecting, state, log } = deps
  let count = 0
  for (;;) {
    const packs = uncompressed.packs().slice(0, packsAtOnce)
    if (packs.length === 0 || isFetching(state)) break
    const made = await rewritePacks(packs, deps, signal).catch((error: unknown) => {
      if (!(error instanceof Failure) || error.reason === 'DISK_FULL') throw error
      signal.throwIfAborted()
      log.warn({ packs, error: error.message }, 'packs not compressed')
      return undefined
    })
    for (const pack of made === undefined ? packs : [made.key]) uncompressed.settle(pack)
    count += packs.length
  }
  if (count === 0) return
  uncompressed.sweep()
  // The packs that it was in are still on the disk.
  const { freedBytes } = await collecting.run(signal)
  log.info({ packs: count, freedBytes }, 'chunks that deltas made are compressed')
}

function isFetching({ transfers }: CompressingDeps['state']): boolean {
  return [...transfers.values()].some(({ state }) => state === 'fetching')
}
