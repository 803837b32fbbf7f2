import type { Run } from '../chunks/source.ts'
import { invalid } from '../failure.ts'
import { movable } from '../memory.ts'
import { columnsOf } from './columns.ts'
import type { Pool } from './pool.ts'
import type { MovedRun } from './verify.ts'

/** Checks every chunk of a run in the pool: resolves with the run itself, or rejects with CHUNK_CORRUPT. */
export function verifier(pool: Pool): (run: Run, signal?: AbortSignal) => Promise<Run> {
  return async (run, signal) => {
    const moved = movedRun(run)
    const payload = await pool.run('verify', moved, signal, [moved.payload.buffer])
    return { entries: run.entries, payload }
  }
}

/** The run as it goes to a thread; its payload is there and no longer here. */
export function movedRun({ entries, payload }: Run): MovedRun {
  const storedBytes = entries.reduce((sum, entry) => sum + entry.storedBytes, 0)
  if (storedBytes !== payload.length) {
    throw invalid(
      'INVALID_CHUNK',
      `a run of ${storedBytes} bytes has a payload of ${payload.length}`,
    )
  }
  return { columns: columnsOf(entries), payload: movable(payload) }
}
