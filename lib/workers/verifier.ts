import { maxRunBytes, type Run } from '../chunks/source.ts'
import { maxChunkBytes } from '../content/gear.ts'
import { invalid } from '../failure.ts'
import type { Pool } from './pool.ts'
import { type Slot, slots } from './slot.ts'

/** Checks every chunk of a run in the pool: resolves with the run itself, or rejects with CHUNK_CORRUPT. */
export function verifier(pool: Pool): (run: Run, signal?: AbortSignal) => Promise<Run> {
  // Two a thread: one to work on, and one to have the next ready.
  const memory = slots(pool.threads * 2, runSlotBytes)
  return async (run, signal) => {
    using lease = await memory.take(signal)
    fill(lease.item, run)
    await pool.run('verify', { entries: run.entries, slot: lease.item }, signal)
    return run
  }
}

/** What a run takes; a sender may let one chunk begin where the run is nearly full. */
export const runSlotBytes = maxRunBytes + maxChunkBytes

/** Puts the run's payload into the slot. */
export function fill(slot: Slot, { entries, payload }: Run): void {
  const storedBytes = entries.reduce((sum, entry) => sum + entry.storedBytes, 0)
  if (storedBytes !== payload.length || storedBytes > slot.length) {
    throw invalid(
      'INVALID_CHUNK',
      `a run of ${storedBytes} bytes has a payload of ${payload.length}, in a slot of ${slot.length}`,
    )
  }
  slot.set(payload)
}
