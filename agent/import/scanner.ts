import { Failure } from '../../lib/failure.ts'
import { parseSource } from '../../lib/sources/parse.ts'
import {
  ClaimScanRequest,
  ReportScanRequest,
  type Source,
} from '../../proto/gen/merge/image/v1/source.ts'
import { patiently, untilDone } from '../build/patience.ts'
import type { ImporterDeps } from './importer.ts'
import type { Item } from './origin.ts'
import { partsOf, renderItem, worthTelling } from './telling.ts'

type ScannerDeps = Pick<
  ImporterDeps,
  'facility' | 'open' | 'upstream' | 'log' | 'clock' | 'newUuid'
>

const waitSeconds = 20
/** Within the lease of a scan, with room for the report. */
const mostMs = 4 * 60_000

/** Looks at the facility's sources whenever that is asked for, one after another, for ever. */
export async function keepScanning(deps: ScannerDeps, signal: AbortSignal): Promise<void> {
  const once = async (): Promise<void> => {
    const { facility, upstream, clock, newUuid } = deps
    const request = ClaimScanRequest.create({ facility, claim: newUuid(), waitSeconds })
    const ask = () => upstream.sources.claimScan(request, { signal })
    const { source } = await patiently(ask, clock, signal)
    if (source !== undefined) await scan(request.claim, source, deps, signal)
  }
  while (!signal.aborted) await untilDone('scanning', once, deps, signal)
}

/** Looks at a source, and reports what is there or why nobody can tell. */
async function scan(
  claim: string,
  source: Source,
  deps: ScannerDeps,
  signal: AbortSignal,
): Promise<void> {
  const { log } = deps
  const found = await look(source, deps, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    return whyNot(error, log)
  })
  log.info(
    { source: source.name, found: typeof found === 'string' ? found : found.length },
    'scanned',
  )
  try {
    if (typeof found === 'string') {
      await report({ claim, error: found.slice(0, 2000) }, deps, signal)
      return
    }
    const { told, note } = worthTelling(found, source)
    for (const { items, last } of partsOf(told.map(renderItem))) {
      await report({ claim, items: [...items], last, note: last ? note : '' }, deps, signal)
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'SCAN_LOST') throw error
    log.info({ source: source.name }, 'scan lost')
  }
}

async function look(
  { text }: Source,
  { open }: ScannerDeps,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  const timed = AbortSignal.any([signal, AbortSignal.timeout(mostMs)])
  await using origin = await open(parseSource(text).place, timed)
  return await origin.items(timed)
}

function whyNot(error: unknown, log: ScannerDeps['log']): string {
  if (error instanceof Failure) return error.message
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `What is there did not come within ${mostMs / 60_000} minutes.`
  }
  log.error({ err: error }, 'scan failed unexpectedly')
  return error instanceof Error ? error.message : String(error)
}

function report(
  said: Partial<ReportScanRequest>,
  { upstream, clock }: ScannerDeps,
  signal: AbortSignal,
) {
  const request = ReportScanRequest.create(said)
  return patiently(() => upstream.sources.reportScan(request, { signal }), clock, signal)
}
