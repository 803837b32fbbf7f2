import { invalid, type Failure } from '../../lib/failure.ts'
import { portalsOwn } from '../../lib/names/name.ts'
import type { Found } from '../../lib/sources/source.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  SourceServiceService,
  type ReportScanRequest,
  type SourceItem,
} from '../../proto/gen/merge/image/v1/source.ts'
import { recordCall } from '../audit/record.ts'
import { demandClaim, demandWait, lookFor } from '../waiting.ts'
import { withScan } from './found.ts'
import { countItems, insertItems } from './items.ts'
import { renderScan } from './render.ts'
import { endInVain, endWell } from './scanning.ts'
import { claimScan, getScan, lockClaimed, lost, renewClaim } from './scans.ts'
import type { SourceDeps } from './service.ts'

type Handlers = Pick<Service<typeof SourceServiceService, [call: Call]>, 'claimScan' | 'reportScan'>

/** In a part of a report, and in all of them. */
const mostItems = { part: 1_000, scan: 10_000, bytes: 16 * 1024 * 1024 } as const

/** What agents ask of sources. */
export function scanHandlers(deps: SourceDeps): Handlers {
  const { sql, news, clock } = deps
  const { reportScan } = SourceServiceService
  return {
    async claimScan({ facility, claim, waitSeconds }, { caller, signal, closing }) {
      demandClaim(claim)
      demandWait(waitSeconds)
      const owner = facility === portalsOwn ? null : facility
      const scan = await lookFor(
        () => claimScan(sql, owner, claim, caller),
        (withinMs, over) => news.ofQueue(owner, withinMs, over),
        { waitSeconds, clock, signal, closing },
      )
      if (scan === undefined) return { scan, source: undefined }
      return { scan: renderScan(scan), source: await withScan(sql, scan.source) }
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
