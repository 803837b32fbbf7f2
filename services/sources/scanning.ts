import { wantedOf } from '../../lib/sources/judge.ts'
import { buildName } from '../builds/queue.ts'
import { announceBuild, announceQueue } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { tellSource } from './failing.ts'
import { queueImports, wishOf } from './importing.ts'
import { countItems, forgetOthers } from './items.ts'
import { judge } from './judging.ts'
import { lockSource, type SourceRow } from './queries.ts'
import { endScan, getScan, insertScan, mostAttempts, requeueScan, type ScanRow } from './scans.ts'

/** Queues a scan of a locked source that has none open. */
export async function queueScan(
  tx: Transaction,
  { name: source, facility }: Pick<SourceRow, 'name' | 'facility'>,
  asked: Pick<ScanRow, 'preview' | 'requester' | 'scheduleTime'>,
  newUlid: () => string,
): Promise<ScanRow> {
  const name = buildName(facility, newUlid())
  await insertScan(tx, { ...asked, name, source, facility })
  await announceQueue(tx, facility)
  return getScan(tx, name)
}

interface EndingDeps {
  readonly now: () => Date
  readonly newUlid: () => string
}

/** Ends a locked scan that found all there is, and queues the imports of what its source wants of it. */
export async function endWell(
  tx: Transaction,
  scan: ScanRow,
  note: string,
  { now, newUlid }: EndingDeps,
): Promise<void> {
  const source = await lockSource(tx, scan.source)
  await forgetOthers(tx, scan)
  const { count: itemCount } = await countItems(tx, scan.name)
  const end = { state: 'done', message: note, itemCount } as const
  await endScan(tx, scan.name, { ...end, builds: [] })
  await announceBuild(tx, scan.name)
  if (source?.deleteTime !== null || scan.preview) return
  const verdicts = await judge(tx, source, now())
  const wish = wishOf(scan.requester)
  const { queued, full } = await queueImports(tx, source, wantedOf(verdicts), wish, newUlid)
  const message = [note, full?.message ?? ''].filter(Boolean).join(' ')
  await endScan(tx, scan.name, { ...end, message, builds: queued })
  const goesOn = verdicts.some(({ fate }) => fate === 'wanted' || fate === 'under-way')
  if (!goesOn) await tellSource(tx, pausing(source), 'well')
}

/** Ends a locked scan in vain; what was known before stays so. */
export async function endInVain(tx: Transaction, scan: ScanRow, why: string): Promise<void> {
  await tx`delete from source_item where scan = ${scan.name}`
  const end = { state: 'failed', message: why, itemCount: 0, builds: [] } as const
  await endScan(tx, scan.name, end)
  await announceBuild(tx, scan.name)
  const source = await lockSource(tx, scan.source)
  if (source !== undefined) await tellSource(tx, pausing(source), { failed: why })
}

/** What becomes of a locked scan whose agent went away. */
export async function loseAgent(tx: Transaction, scan: ScanRow): Promise<void> {
  const { name, agent, attempt, facility } = scan
  if (attempt >= mostAttempts) {
    await endInVain(tx, scan, `Its agents went away in the middle of it; ${agent} was the last.`)
    return
  }
  await requeueScan(tx, name)
  await announceQueue(tx, facility)
}

function pausing({ name, pauseAfter }: SourceRow) {
  return { source: name, pauseAfter }
}
