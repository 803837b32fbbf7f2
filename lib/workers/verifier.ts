import { fingerprintAt } from '../chunks/fingerprint.ts'
import type { Run } from '../chunks/source.ts'
import type { Verify } from '../chunks/verified.ts'
import { invalid } from '../failure.ts'
import { movable } from '../memory.ts'
import { columnsOf, entriesOf } from './columns.ts'
import type { Pool } from './pool.ts'
import type { MovedRun } from './verify.ts'

/** What the chunks of a run are recognised by, joined, as somebody says who is believed; undefined if nobody says. */
export type Known = (run: Run) => Uint8Array | undefined

/**
 * Checks every chunk of a run in the pool: resolves with the run itself, or rejects with CHUNK_CORRUPT. What has the fingerprint
 * that is known is as good as decoded.
 */
export function verifier(pool: Pool, known: Known = () => undefined): Verify {
  return async (run, signal) => {
    const input = { ...movedRun(run), known: known(run) }
    const payload = await pool.run('verify', input, signal, [input.payload.buffer])
    return { entries: run.entries, payload }
  }
}

/** Checks every chunk likewise, and gives the run with its chunks' fingerprints. */
export function fingerprinter(pool: Pool): Verify {
  return async (run, signal) => {
    const moved = movedRun(run)
    const checked = await pool.run('fingerprint', moved, signal, [moved.payload.buffer])
    const { payload, fingerprints } = checked
    const entries = run.entries.map((entry, i) => {
      const fingerprint = fingerprintAt(fingerprints, i)
      return fingerprint === undefined ? entry : { ...entry, fingerprint }
    })
    return { entries, payload }
  }
}

/** Checks every chunk likewise, and gives the run with those compressed that were stored raw. */
export function compressor(pool: Pool): Verify {
  return async (run, signal) => {
    const moved = movedRun(run)
    const { columns, payload } = await pool.run('recompress', moved, signal, [moved.payload.buffer])
    return { entries: entriesOf(columns), payload }
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
