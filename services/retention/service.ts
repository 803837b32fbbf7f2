import type { Caller } from '../../lib/rpc/caller.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { unavailable } from '../../lib/failure.ts'
import { parsePattern, renderPattern, type Pattern } from '../../lib/names/pattern.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { RetentionRun, RetentionServiceService } from '../../proto/gen/merge/image/v1/retention.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { cutPage, parsePage } from '../pages.ts'
import { applyPlan, noRun, type DemandArchive } from './applyplan.ts'
import { actionName } from './codes.ts'
import { explainImage } from './explaining.ts'
import { planNow } from './planning.ts'
import { policyMethods } from './policies.ts'
import { renderItem, renderRun } from './render.ts'
import { findRun, insertRun, listItems, listRuns, type RunRow } from './runs.ts'

export interface RetentionDeps {
  readonly sql: Sql
  readonly now: () => Date
  readonly newUlid: () => string
  readonly demandArchive: DemandArchive
}

const watchMs = 300

export function retentionService(
  deps: RetentionDeps,
): Service<typeof RetentionServiceService, [call: Call]> {
  const { sql, now, newUlid } = deps
  return {
    ...policyMethods(deps),

    async planRetention(request, { caller }) {
      const pattern = patternFor(request.pattern, caller)
      // Before the transaction that keeps it: it is of one moment, which a transaction that has begun is not.
      const plan = await planNow(sql, now(), { pattern, policy: null })
      const { planRetention } = RetentionServiceService
      return once(sql, planRetention, caller, request, async (tx) => {
        const id = newUlid()
        const text = pattern === undefined ? '' : renderPattern(pattern)
        const run = { id, state: 'planned', creator: caller.name, pattern: text } as const
        await insertRun(tx, plan, run)
        return { run: renderRun(await getRun(tx, id)) }
      })
    },

    async applyPlan(request, { caller }) {
      return once(sql, RetentionServiceService.applyPlan, caller, request, async (tx) => {
        const { id } = await applyPlan(tx, deps, request, caller)
        return { run: renderRun(await getRun(tx, id)) }
      })
    },

    async getRun(request) {
      return { run: renderRun(await getRun(sql, request.run)) }
    },

    async listRuns(request) {
      const page = parsePage(request)
      const found = await listRuns(sql, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ id }) => id)
      return { runs: rows.map(renderRun), nextPageToken }
    },

    async listRunItems(request) {
      const action = actionName(request.action)
      const filter = { run: request.run, action }
      const page = parsePage(request, filter)
      const { id } = await getRun(sql, request.run)
      const found = await listItems(sql, id, action, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ image }) => image, filter)
      return { items: rows.map(renderItem), nextPageToken }
    },

    async *watchRun(request, { signal, closing }) {
      const over = AbortSignal.any([signal, closing])
      let told: Buffer | undefined
      while (!over.aborted) {
        const row = await getRun(sql, request.run)
        const run = renderRun(row)
        const bytes = Buffer.from(RetentionRun.encode(run).finish())
        if (told?.equals(bytes) !== true) yield { run }
        told = bytes
        if (row.state === 'done' || row.state === 'lapsed') return
        await sleep(watchMs, over).catch(() => undefined)
      }
      throw unavailable('NOT_READY', 'The portal is stopping: watch again.')
    },

    explainRetention: (request) => explainImage(sql, request.image, now()),
  }
}

/** A facility's manager plans for its own lines, said or not. */
function patternFor(text: string, { role }: Caller): Pattern | undefined {
  if (text !== '') return parsePattern(text)
  return role.kind === 'manager' ? parsePattern(`${role.facility}/*-*-*-*`) : undefined
}

/** The run, or RUN_NOT_FOUND. */
async function getRun(sql: Sql | Transaction, id: string): Promise<RunRow> {
  const row = await findRun(sql, id)
  if (row === undefined) throw noRun(id)
  return row
}
