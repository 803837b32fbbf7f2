import { either } from '../../lib/chunks/abort.ts'
import { takeAll, type HealingSource } from '../../lib/chunks/healing.ts'
import { boundedQueue } from '../../lib/chunks/queue.ts'
import type { ChunkStore, Run } from '../../lib/chunks/source.ts'
import { verified, type Verify } from '../../lib/chunks/verified.ts'
import { batchesOf } from '../../lib/batches.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { release } from '../../lib/memory.ts'
import type { Store } from './archive.ts'

/** Hears how many bytes came. */
export type OnBytes = (bytes: number) => void

export interface CopyDeps {
  readonly digests: readonly Digest[]
  readonly from: Pick<Store, 'store' | 'heal'>
  readonly verify: Verify
  readonly onBytes: OnBytes
}

/** What a takeAll of many chunks asks for at a time, so that whoever heals some need not look at all. */
const atOnce = 4096
const waitingRuns = 4

/** Copies chunks; each is verified on the way, and what is damaged is healed first where somebody has a good copy. */
export async function copyVerified(
  { to, ...deps }: CopyDeps & { readonly to: Pick<ChunkStore, 'store'> },
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController()
  const until = either(stop.signal, signal)
  const queue = boundedQueue<Run>(waitingRuns)
  const storing = to.store(queue, until).catch((error: unknown) => {
    stop.abort(error)
    throw error
  })
  const reading = takeVerified(deps, (run) => queue.push(run, until), until).then(
    () => {
      queue.end()
    },
    (error: unknown) => {
      queue.fail(error)
      throw error
    },
  )
  const [stored, read] = await Promise.allSettled([storing, reading])
  if (read.status === 'rejected' && !stop.signal.aborted) throw read.reason
  if (stored.status === 'rejected') throw stored.reason
}

/** Reads chunks where they were put, and verifies each: what was written is not believed to be there. */
export function readBack(deps: CopyDeps, signal: AbortSignal): Promise<void> {
  const drop = ({ payload }: Run): Promise<void> => {
    release(payload)
    return Promise.resolve()
  }
  return takeVerified(deps, drop, signal)
}

async function takeVerified(
  { digests, from, verify, onBytes }: CopyDeps,
  take: (run: Run) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const checked = verified(from.store, verify)
  const source: HealingSource = {
    fetch: (asked, until) => checked.fetch(asked, until),
    heal: from.heal,
  }
  const counted = async (run: Run): Promise<void> => {
    onBytes(run.payload.length)
    await take(run)
  }
  for (const some of batchesOf(digests, atOnce)) await takeAll(source, some, counted, signal)
}
