import { exhausted } from '../../lib/failure.ts'
import { parseRecipeName, renderRecipeName } from '../../lib/recipes/name.ts'
import { nextTimes } from '../../lib/recipes/schedule.ts'
import type { Source } from '../../lib/sources/source.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import {
  SourceServiceService,
  type PutSourceRequest,
  type PutSourceResponse,
} from '../../proto/gen/merge/image/v1/source.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { demandEtag, stale, withScan } from './found.ts'
import { countSources, lockSource, putSource, type SourceRow } from './queries.ts'
import { readFor } from './read.ts'

/** So many sources have the portal and each facility at most. */
const mostSources = 100

/** Keeps a source as it was put. */
export async function keepSource(
  { sql, now }: { readonly sql: Sql; readonly now: () => Date },
  request: PutSourceRequest,
  caller: Caller,
): Promise<PutSourceResponse> {
  const parsed = parseRecipeName(request.name)
  const name = renderRecipeName(parsed)
  const { catalogue } = await readCatalogue(sql)
  const { source, line } = readFor(request.text, parsed, catalogue)
  const facility = parsed.namespace === '' ? null : parsed.namespace
  return once(sql, SourceServiceService.putSource, caller, request, async (tx) => {
    if (facility !== null) await getFacility(tx, facility)
    const before = await lockSource(tx, name)
    demandPutEtag(name, before, request.etag)
    if (before?.text !== request.text || before.deleteTime !== null) {
      await putSource(tx, {
        ...{ name, facility, line, text: request.text, kind: source.place.kind },
        ...{ creator: caller.name, ...scheduleOf(source, now()) },
      })
      await demandRoom(tx, facility)
    }
    return { source: await withScan(tx, name) }
  })
}

function scheduleOf({ schedule }: Source, now: Date) {
  if (schedule === undefined) return { cron: '', zone: '', pauseAfter: 0, nextTime: null }
  const { cron, timeZone: zone, pauseAfter } = schedule
  return { cron, zone, pauseAfter, nextTime: nextTimes(schedule, now, 1)[0] ?? null }
}

function demandPutEtag(name: string, before: SourceRow | undefined, etag: string): void {
  if (before?.deleteTime === null) demandEtag(before, etag)
  else if (etag !== '' && etag !== 'new') throw stale(name)
}

async function demandRoom(tx: Transaction, facility: string | null): Promise<void> {
  if ((await countSources(tx, facility)) <= mostSources) return
  const text = `There are ${mostSources} sources already: delete one that is not needed any more.`
  throw exhausted('SOURCES_FULL', text, { limit: String(mostSources) })
}
