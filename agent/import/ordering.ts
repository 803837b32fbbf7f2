import type { Clock } from '../../lib/chunks/clock.ts'
import { internal, unavailable } from '../../lib/failure.ts'
import { parseSource } from '../../lib/sources/parse.ts'
import type {
  ImportSourceRequest,
  ImportSourceResponse,
} from '../../proto/gen/merge/image/v1/local.ts'
import {
  PutSourceRequest,
  ScanSourceRequest,
  type Scan,
} from '../../proto/gen/merge/image/v1/source.ts'
import { isAway, patiently } from '../build/patience.ts'
import { watchThrough } from '../ordering.ts'
import type { Upstream } from '../upstream.ts'

export interface ImportOrderDeps {
  readonly facility: string
  readonly upstream: Pick<Upstream, 'builds' | 'sources'>
  /** Whether this agent imports. */
  readonly imports: boolean
  readonly newUuid: () => string
  readonly clock: Clock
}

const nothing: ImportSourceResponse = {
  ...{ scan: undefined, items: [], build: undefined },
  log: Buffer.alloc(0),
}
const askMs = 10_000
const waitSeconds = 20

/** Has a source of the facility's kept and scanned, and tells how that and its imports go; they go on whoever listens. */
export async function* orderImports(
  { name, text, preview }: ImportSourceRequest,
  deps: ImportOrderDeps,
  signal: AbortSignal,
): AsyncGenerator<ImportSourceResponse> {
  const { facility, upstream, imports, newUuid } = deps
  if (!imports) throw notImporting()
  parseSource(text)
  const full = `${facility}/${name}`
  const put = PutSourceRequest.create({ requestId: newUuid(), name: full, text })
  const options = { signal, deadlineMs: askMs }
  await upstream.sources.putSource(put, options).catch((error: unknown) => {
    throw isAway(error) ? withoutPortal(error) : error
  })
  const scan = await scanned(full, preview, deps, signal)
  yield { ...nothing, scan }
  yield* itemsOf(full, deps, signal)
  for (const build of scan.builds) {
    for await (const news of watchThrough({ name: build }, deps, signal)) {
      yield { ...nothing, ...news }
    }
  }
}

async function scanned(
  source: string,
  preview: boolean,
  { upstream: { sources }, newUuid, clock }: ImportOrderDeps,
  signal: AbortSignal,
): Promise<Scan> {
  const request = ScanSourceRequest.create({ requestId: newUuid(), source, preview })
  // The same request again gets the scan that it queued, if the answer was lost.
  let { scan } = await patiently(() => sources.scanSource(request, { signal }), clock, signal)
  while (scan !== undefined && scan.endTime === undefined) {
    const { name } = scan
    const options = { signal, deadlineMs: 2 * waitSeconds * 1000 }
    const ask = () => sources.getScan({ name, waitSeconds }, options)
    ;({ scan } = await patiently(ask, clock, signal))
  }
  if (scan === undefined) {
    throw internal('INTERNAL', 'The portal queued a scan and kept it to itself.')
  }
  return scan
}

async function* itemsOf(
  source: string,
  { upstream: { sources }, clock }: ImportOrderDeps,
  signal: AbortSignal,
): AsyncGenerator<ImportSourceResponse> {
  let pageToken = ''
  do {
    const request = { source, pageSize: 500, pageToken }
    const page = await patiently(() => sources.listSourceItems(request, { signal }), clock, signal)
    pageToken = page.nextPageToken
    yield { ...nothing, items: page.items }
  } while (pageToken !== '')
}

function notImporting() {
  const text = 'This agent imports nothing: start it with --import, and --import-from for folders.'
  return unavailable('NOT_READY', text)
}

function withoutPortal(cause: unknown) {
  const why = cause instanceof Error ? cause.message : String(cause)
  const text = `Nothing was imported: the portal, which keeps the source and names the images, cannot be reached. ${why}`
  return unavailable('NOT_READY', text, {}, cause)
}
