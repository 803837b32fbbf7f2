import { invalid, type Failure } from '../../lib/failure.ts'
import type { Found } from '../../lib/sources/source.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  SourceServiceService,
  type ReportScanRequest,
  type SourceItem,
} from '../../proto/gen/merge/image/v1/source.ts'
import { recordCall } from '../audit/record.ts'
import { withScan } from './found.ts'
import { countItems, insertItems } from './items.ts'
import { renderScan } from './render.ts'
import { endInVain, endWell } from './scanning.ts'
import { claimScan, getScan, lockClaimed, lost, renewClaim } from './scans.ts'
import type { SourceDeps } from './service.ts'

type Handlers = Pick<Service<typeof SourceServiceService, [call: Call]>, 'claimScan' | 'reportScan'>

const longestWait = 60
const pollMs = 5_000
/** In a part of a report, and in all of them. */
const mostItems = { part: 1_000, scan: 10_000, bytes: 16 * 1024 * 1024 } as const

/** What agents ask of sources. */
export function scanHandlers(deps: SourceDeps): Handlers {
  const { sql, news, clock } = deps
  const { reportScan } = SourceServiceService
  return {
    async claimScan({ facility, claim, waitSeconds }, { caller, signal, closing }) {
      demandClaim(claim)
      if (waitSeconds > longestWait) {
        throw wrong('wait_seconds', `wait_seconds is ${longestWait} at most.`)
      }
      const owner = facility === 'portal' ? null : facility
      const over = AbortSignal.any([signal, closing])
      const until = clock() + waitSeconds * 1000
      for (;;) {
        // Listening begins before looking, so that no scan falls between the two.
        const left = until - clock()
        const next = news.ofQueue(owner, Math.max(0, Math.min(left, pollMs)), over)
        const scan = await claimScan(sql, owner, claim, caller)
        if (scan !== undefined) {
          return { scan: renderScan(scan), source: await withScan(sql, scan.source) }
        }
        if (left <= 0 || over.aborted) return { scan: undefined, source: undefined }
        await next
      }
    },

    async reportScan(request, { caller }) {
      demandClaim(request.claim)
      const items = parseItems(request)
      return sql.begin(async (tx) => {
        const scan = await lockClaimed(tx, request.claim, caller)
        if (scan.state === 'running') {
          await takeIn(tx, scan, items, request)
        } else if (!request.last && request.error === '') {
          throw lost(`the scan is ${scan.state}`)
        }
        const answer = { scan: renderScan(await getScan(tx, scan.name)) }
        const isEnd = scan.state === 'running' && answer.scan.endTime !== undefined
        if (isEnd) await recordCall(tx, reportScan, caller, { ...request, items: [] }, answer)
        return answer
      })
    },
  }

  async function takeIn(
    tx: Parameters<typeof insertItems>[0],
    scan: Awaited<ReturnType<typeof lockClaimed>>,
    items: readonly Found[],
    { error, last, note }: ReportScanRequest,
  ): Promise<void> {
    if (error !== '') return endInVain(tx, scan, error)
    await insertItems(tx, scan, items)
    const { count, bytes } = await countItems(tx, scan.name)
    if (count > mostItems.scan || bytes > mostItems.bytes) {
      const text = `There are more than ${mostItems.scan} items, or they say more than ${mostItems.bytes} bytes of themselves: have the source look at fewer, by its \`match\` say.`
      return endInVain(tx, scan, text)
    }
    if (last) return endWell(tx, scan, note, deps)
    return renewClaim(tx, scan.name)
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function demandClaim(claim: string): void {
  if (!uuid.test(claim)) throw wrong('claim', `claim "${claim}" is no UUID in small letters.`)
}

function parseItems({ items, error, note }: ReportScanRequest): readonly Found[] {
  if (error.length > 2000 || note.length > 2000) {
    throw wrong('error', 'error and note have 2000 characters at most.')
  }
  if (items.length > mostItems.part) {
    throw wrong('items', `A part of a report has ${mostItems.part} items at most.`)
  }
  return items.map(parseItem)
}

function parseItem(item: SourceItem): Found {
  const { name, version, sha256, sizeBytes, time, fields, refused } = item
  demandText('name', name, 600)
  demandText('version', version, 600)
  if (!/^([0-9a-f]{64})?$/.test(sha256)) throw wrong('sha256', 'sha256 has 64 digits of hex.')
  const entries = Object.entries(fields)
  if (entries.length > 64) throw wrong('fields', 'An item has 64 fields at most.')
  for (const [field, value] of entries) {
    demandText('fields', field, 500)
    if (value !== '') demandText('fields', value, 500)
  }
  return {
    ...{ name, version, fields },
    ...(sha256 === '' ? {} : { sha256 }),
    ...(sizeBytes === 0n ? {} : { sizeBytes }),
    ...(time === undefined ? {} : { time }),
    ...(refused === '' ? {} : { refused: refused.slice(0, 500) }),
  }
}

function demandText(field: string, text: string, most: number): void {
  if (text.length >= 1 && text.length <= most && !/\p{Cc}/u.test(text)) return
  throw wrong(field, `${field} has 1 to ${most} characters, none of them a control character.`)
}

function wrong(field: string, message: string): Failure {
  return invalid('INVALID_FIELD', message, { field })
}
