import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { HoldServiceService } from '../../proto/gen/merge/image/v1/hold.ts'
import type { Sql } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getImage } from '../images/found.ts'
import { needsOf } from '../needs/guard.ts'
import { usesSince } from '../needs/queries.ts'
import { cutPage, parsePage } from '../pages.ts'
import { parseEnding } from './ending.ts'
import { holdImages, lockOwn } from './holding.ts'
import { countHolds, listHolds, releaseHolds, setEnd, type HoldFilter } from './queries.ts'
import { holderOf, kindName, renderHold, renderNeed, renderUse } from './render.ts'
import { parseEnd, parseTerms } from './terms.ts'

export interface HoldDeps {
  readonly sql: Sql
  readonly now: () => Date
  readonly newUlid: () => string
}

const mostReleased = 10_000
const usedDays = 30

export function holdService(deps: HoldDeps): Service<typeof HoldServiceService, [call: Call]> {
  const { sql, now } = deps
  const { createHolds, renewHold, releaseHolds: release } = HoldServiceService
  return {
    async createHolds(request, { caller }) {
      const terms = parseTerms(request, now())
      return once(sql, createHolds, caller, request, async (tx) => {
        const held = await holdImages(tx, deps, terms, caller)
        return { holds: held.map((row) => renderHold(row, row.createTime)) }
      })
    },

    async renewHold(request, { caller }) {
      return once(sql, renewHold, caller, request, async (tx) => {
        const at = now()
        const row = await lockOwn(tx, request.hold, caller, at)
        const expireTime = parseEnd(row.kind, request.expireTime, at)
        await setEnd(tx, row.id, expireTime)
        return { hold: renderHold({ ...row, expireTime }, at) }
      })
    },

    async releaseHolds(request, { caller }) {
      return once(sql, release, caller, request, async (tx) => {
        const ending = await parseEnding(tx, request, caller)
        return { releasedCount: await releaseHolds(tx, ending, now(), mostReleased) }
      })
    },

    async listHolds(request) {
      const { image, owner, link, lock, endedToo } = request
      const filter = { image, owner, link, lock, endedToo, kind: kindName(request.kind) }
      return holdsOfPage(deps, request, filter)
    },

    async listHolders(request) {
      const { name: image } = await getImage(sql, renderImageName(parseImageName(request.image)))
      const at = now()
      const page = parsePage(request, { image })
      const filter = { ...anyHold, image }
      const others = page.after === '' ? await otherHolders(sql, image, at) : []
      const found = await listHolds(sql, filter, page, at)
      const { rows, nextPageToken } = cutPage(found, page, ({ id }) => id, { image })
      return {
        holders: [...others, ...rows.map((row) => holderOf(row, at))],
        nextPageToken,
        holdCount: await countHolds(sql, image, at),
      }
    },
  }
}

const anyHold: HoldFilter = {
  ...{ image: '', owner: '', kind: '', link: '', lock: '', endedToo: false },
}

async function holdsOfPage(
  { sql, now }: HoldDeps,
  request: { readonly pageSize: number; readonly pageToken: string },
  filter: HoldFilter,
) {
  const page = parsePage(request, filter)
  const at = now()
  const found = await listHolds(sql, filter, page, at)
  const { rows, nextPageToken } = cutPage(found, page, ({ id }) => id, filter)
  return { holds: rows.map((row) => renderHold(row, at)), nextPageToken }
}

async function otherHolders(sql: Sql, image: string, now: Date) {
  const since = new Date(now.getTime() - usedDays * 86_400_000)
  const [needs, uses] = await Promise.all([needsOf(sql, image, now), usesSince(sql, image, since)])
  const others = needs.filter(({ kind }) => kind !== 'hold')
  return [...others.map(renderNeed), ...uses.map((use) => renderUse(use, usedDays))]
}
