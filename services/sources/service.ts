import { invalid, precondition } from '../../lib/failure.ts'
import { wantedOf } from '../../lib/sources/judge.ts'
import { nextTimes } from '../../lib/recipes/schedule.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { SourceServiceService } from '../../proto/gen/merge/image/v1/source.ts'
import { getBuild } from '../builds/queries.ts'
import { renderBuild } from '../builds/render.ts'
import type { BuildNews } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { cutPage, parsePage } from '../pages.ts'
import { timesOf } from '../recipes/service.ts'
import { demandShort } from '../remark.ts'
import { demandWait, lookFor } from '../waiting.ts'
import { lockNamed, nameOf, noSource, withScan } from './found.ts'
import { queueImports, wishOf } from './importing.ts'
import { judge } from './judging.ts'
import { keepSource } from './keep.ts'
import { deleteSource, findSource, listSources, resumeSource } from './queries.ts'
import { renderItem, renderScan, renderSource } from './render.ts'
import { pickItem } from './picking.ts'
import { queueScan } from './scanning.ts'
import { getScan, lastScans, openScan } from './scans.ts'

type Handlers = Omit<Service<typeof SourceServiceService, [call: Call]>, 'claimScan' | 'reportScan'>

export interface SourceDeps {
  readonly sql: Sql
  readonly news: BuildNews
  readonly now: () => Date
  readonly clock: () => number
  readonly newUlid: () => string
}

const mostTimes = 100
const usualTimes = 10

/** What people ask of sources. */
export function sourceHandlers(deps: SourceDeps): Handlers {
  const { sql, news, now, clock, newUlid } = deps
  const { deleteSource: deleting, resumeSource: resuming } = SourceServiceService
  const { scanSource, importImage } = SourceServiceService
  return {
    putSource: (request, { caller }) => keepSource(deps, request, caller),

    async getSource(request) {
      return { source: await withScan(sql, nameOf(request.name)) }
    },

    async listSources(request) {
      const filter = { namespace: request.namespace }
      const page = parsePage(request, filter)
      const found = await listSources(sql, request.namespace, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name, filter)
      const scans = await lastScans(
        sql,
        rows.map(({ name }) => name),
      )
      return { sources: rows.map((row) => renderSource(row, scans.get(row.name))), nextPageToken }
    },

    async deleteSource(request, { caller }) {
      const name = nameOf(request.name)
      return once(sql, deleting, caller, request, async (tx) => {
        await lockNamed(tx, name, request.etag)
        await deleteSource(tx, name)
        return { source: await withScan(tx, name) }
      })
    },

    async resumeSource(request, { caller }) {
      const name = nameOf(request.name)
      return once(sql, resuming, caller, request, async (tx) => {
        const row = await lockNamed(tx, name, request.etag)
        if (row.deleteTime !== null) throw noSource(name)
        const times = timesOf(row)
        const next = times && nextTimes(times, now(), 1)[0]
        if (row.paused !== '') await resumeSource(tx, name, next)
        return { source: await withScan(tx, name) }
      })
    },

    async previewSourceSchedule({ name, count, after }) {
      if (count > mostTimes) throw wrong('count', `count ${count} is over ${mostTimes}`)
      const row = await findSource(sql, nameOf(name))
      if (row === undefined) throw noSource(name)
      const times = timesOf(row)
      const many = count === 0 ? usualTimes : count
      return {
        times: times === undefined ? [] : nextTimes(times, after ?? now(), many),
        timeZone: row.zone,
        paused: row.paused,
      }
    },

    async scanSource(request, { caller }) {
      const name = nameOf(request.source)
      return once(sql, scanSource, caller, request, async (tx) => {
        const row = await lockNamed(tx, name)
        if (row.deleteTime !== null) throw noSource(name)
        const open = await openScan(tx, name)
        if (open?.preview === true && !request.preview) {
          const text = `${open.name} looks at ${name} and imports nothing: wait until it has ended.`
          throw precondition('WRONG_STATE', text, { scan: open.name })
        }
        const asked = { preview: request.preview, requester: caller.name, scheduleTime: null }
        const scan = open ?? (await queueScan(tx, row, asked, newUlid))
        return { scan: renderScan(scan) }
      })
    },

    async getScan({ name, waitSeconds }, { signal, closing }) {
      demandWait(waitSeconds)
      const ended = async () => {
        const scan = await getScan(sql, name)
        return scan.endTime === null ? undefined : scan
      }
      const scan = await lookFor(ended, (withinMs, over) => news.ofBuild(name, withinMs, over), {
        ...{ waitSeconds, clock, signal, closing },
      })
      return { scan: renderScan(scan ?? (await getScan(sql, name))) }
    },

    async listSourceItems(request) {
      const row = await findSource(sql, nameOf(request.source))
      if (row === undefined) throw noSource(request.source)
      const filter = { source: row.name }
      const page = parsePage(request, filter)
      const verdicts = await judge(sql, row, now())
      const after = verdicts.filter(({ item }) => page.after === '' || item.name > page.after)
      const { rows, nextPageToken } = cutPage(after, page, ({ item }) => item.name, filter)
      return { items: rows.map(renderItem), nextPageToken }
    },

    async importImage(request, { caller }) {
      const name = nameOf(request.source)
      const { reason, item, force } = request
      demandShort({ reason })
      return once(sql, importImage, caller, request, async (tx) => {
        const row = await lockNamed(tx, name)
        if (row.deleteTime !== null) throw noSource(name)
        const verdicts = await judge(tx, row, now())
        const wanted =
          item === '' ? wantedOf(verdicts) : [pickItem(verdicts, { source: name, item, force })]
        const wish = wishOf(caller.name, reason, force)
        const { queued, full } = await queueImports(tx, row, wanted, wish, newUlid)
        if (full !== undefined && queued.length === 0) throw full
        const builds = queued.map(async (build) => renderBuild(await getBuild(tx, build)))
        return { builds: await Promise.all(builds) }
      })
    },
  }
}

function wrong(field: string, text: string) {
  return invalid('INVALID_FIELD', text, { field })
}
