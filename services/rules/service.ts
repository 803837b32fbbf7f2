import { internal, invalid, precondition } from '../../lib/failure.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  SyncRuleServiceService,
  type PreviewSyncRequest,
} from '../../proto/gen/merge/image/v1/rule.ts'
import { announce } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { newDesired } from '../facilities/queries.ts'
import { getFacility } from '../facilities/service.ts'
import { noImage } from '../images/found.ts'
import { cutPage, parsePage } from '../pages.ts'
import { chosenBy, type Chosen } from './applying.ts'
import { readCandidates, readFacts } from './facts.ts'
import { preview } from './previewing.ts'
import * as queries from './queries.ts'
import { parseRule } from './parse.ts'
import { demandEtag, nextOf, noRule, renderRule } from './rule.ts'

export interface RulesDeps {
  readonly sql: Sql
  readonly now: () => Date
}

const mostPreviewed = 1000

export function ruleService(deps: RulesDeps): Service<typeof SyncRuleServiceService, [call: Call]> {
  const { sql, now } = deps
  const { putSyncRule, deleteSyncRule } = SyncRuleServiceService
  return {
    async putSyncRule(request, { caller }) {
      const written = parseRule(request.rule)
      const { facility, name } = written
      return once(sql, putSyncRule, caller, request, async (tx) => {
        await getFacility(tx, facility)
        if (written.origin !== '' && written.origin !== 'portal')
          await getFacility(tx, written.origin)
        const before = await queries.lockRule(tx, facility, name)
        if (before !== undefined) demandEtag(before, request.etag)
        else if (request.etag !== '') throw noRule(facility, name)
        const nextTime = nextOf(written, now())
        await queries.putRule(tx, written, { author: caller.name, nextTime })
        await queries.keepAnew(tx, facility, name)
        await announce(tx)
        const kept = await queries.findRule(tx, facility, name)
        if (kept === undefined) throw internal('INTERNAL', 'a rule was kept and is not there')
        return { rule: renderRule(kept) }
      })
    },

    async getSyncRule({ facility, name }) {
      const row = await queries.findRule(sql, facility, name)
      if (row === undefined) throw noRule(facility, name)
      return { rule: renderRule(row) }
    },

    async listSyncRules(request) {
      const filter = { facility: request.facility }
      const page = parsePage(request, filter)
      const { name: facility } = await getFacility(sql, request.facility)
      const found = await queries.listRules(sql, facility, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name, filter)
      return { rules: rows.map(renderRule), nextPageToken }
    },

    async deleteSyncRule(request, { caller }) {
      const { facility, name } = request
      return once(sql, deleteSyncRule, caller, request, async (tx) => {
        const row = await queries.lockRule(tx, facility, name)
        if (row === undefined) throw noRule(facility, name)
        demandEtag(row, request.etag)
        if (await queries.deleteRule(tx, facility, name)) {
          await newDesired(tx, [facility])
          await announce(tx)
        }
        return {}
      })
    },

    async previewSync(request) {
      const facility = await getFacility(sql, request.facility)
      const rule = await ruleOf(request, deps)
      if (rule === undefined) {
        const found = await preview(sql, facility, await imagesOf(request, deps), [])
        return { ...found, rule: undefined }
      }
      const chosen = chosenBy(rule, await readCandidates(sql, [rule], now()))
      const selected = new Set(chosen.map(({ image }) => image))
      const leaves = request.rule?.name !== '' && rule.leaving === 'release'
      const wants = leaves ? await queries.wantedBy(sql, rule) : []
      const left = wants.filter((image) => !selected.has(image))
      const found = await preview(sql, facility, chosen, left, rule.peers)
      return { ...found, rule: renderRule(rule) }
    },
  }
}

/** The rule that is asked about; undefined where images are. */
async function ruleOf(
  request: PreviewSyncRequest,
  { sql, now }: RulesDeps,
): Promise<queries.CountedRule | undefined> {
  const { facility, name, rule, images } = request
  const asked = [name !== '', rule !== undefined, images.length > 0].filter((given) => given)
  if (asked.length !== 1) {
    const text = 'Ask about one thing: the name of a rule, a rule, or images.'
    throw invalid('INVALID_FIELD', text, { field: 'rule' })
  }
  if (images.length > 0) return undefined
  if (rule === undefined) {
    const row = await queries.findRule(sql, facility, name)
    if (row === undefined) throw noRule(facility, name)
    return row
  }
  const kept = { author: '', updateTime: now(), version: 0, generation: null }
  // One without a name is compared with none.
  const named = { ...rule, facility, name: rule.name || 'unnamed' }
  return { ...parseRule(named), ...kept, selectTime: null, nextTime: null, imageCount: 0 }
}

async function imagesOf(
  { images, facility }: PreviewSyncRequest,
  { sql, now }: RulesDeps,
): Promise<Chosen[]> {
  if (images.length > mostPreviewed) {
    const text = `Ask about ${mostPreviewed} images at most, and not about ${images.length}.`
    throw invalid('INVALID_FIELD', text, { field: 'images' })
  }
  const chosen: Chosen[] = []
  for (const text of new Set(images)) {
    const image = renderImageName(parseImageName(text))
    const facts = await readFacts(sql, image, now())
    if (facts === undefined) throw noImage(image)
    if (!facts.reachable && facts.home !== facility) {
      throw precondition(
        'WRONG_STATE',
        `${image} cannot be fetched: "mrg-image show ${image}" says why.`,
        { name: image },
      )
    }
    chosen.push({ image, why: 'it was asked for' })
  }
  return chosen
}
