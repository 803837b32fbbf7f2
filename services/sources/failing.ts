import { recordEvent } from '../audit/record.ts'
import type { Transaction } from '../db/open.ts'
import { countFailure, forgetFailures, pauseSource } from './queries.ts'

/** Counts what failed of a source in a row, and pauses its schedule at so many. */
export async function tellSource(
  tx: Transaction,
  { source, pauseAfter }: { readonly source: string; readonly pauseAfter: number },
  end: 'well' | { readonly failed: string },
): Promise<void> {
  if (end === 'well') return forgetFailures(tx, source)
  const failures = await countFailure(tx, source)
  if (pauseAfter === 0 || failures < pauseAfter) return
  const why =
    failures === 1
      ? `The last scan or import failed: ${end.failed}`
      : `${failures} scans and imports failed in a row, the last one so: ${end.failed}`
  await pause(tx, source, why)
}

/** Holds the schedule of a source, for a reason that the portal has. */
export async function pause(tx: Transaction, source: string, reason: string): Promise<void> {
  const isHeld = await pauseSource(tx, source, reason)
  const resources = [{ kind: 'source', name: source }]
  if (isHeld) await recordEvent(tx, { deed: 'pause-source', resources, reason })
}
