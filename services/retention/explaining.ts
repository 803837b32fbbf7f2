import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import { explain, type Explanation } from '../../lib/retention/explain.ts'
import { isDaysAgo } from '../../lib/retention/calendar.ts'
import type {
  ExplainRetentionResponse,
  RuleSaid,
} from '../../proto/gen/merge/image/v1/retention.ts'
import { atOneMoment } from '../db/moment.ts'
import type { Sql } from '../db/open.ts'
import { findImage } from '../images/queries.ts'
import { noImage } from '../images/found.ts'
import { readWorldFor } from '../needs/world.ts'
import { measure } from './bytes.ts'
import { rules } from './codes.ts'
import { toPolicy } from './policy.ts'
import { readPolicies } from './queries.ts'
import { renderItem } from './render.ts'

/** Why an image is still here, or why and when it will go. */
export async function explainImage(
  sql: Sql,
  text: string,
  now: Date,
): Promise<ExplainRetentionResponse> {
  const name = renderImageName(parseImageName(text))
  return atOneMoment(sql, async (tx) => {
    const found = await findImage(tx, name)
    if (found === undefined) throw noImage(name)
    const policies = (await readPolicies(tx)).map(toPolicy)
    const explained = explain(await readWorldFor(tx, now, name), policies, name)
    if (explained === undefined) return { item: undefined, rules: [], message: gone(found) }
    const { own } = await measure(tx, { decisions: [explained.decision], isWhole: false })
    const { action, rule, policy, needs, due } = explained.decision
    const item = renderItem({
      ...{ image: name, action, rule: rules[rule], message: explained.message },
      ...{ policy: policy?.name ?? '', ownBytes: own.get(name) ?? {}, dueTime: due ?? null },
      holders: needs.slice(0, 10).map(({ until, ...need }) => ({
        ...need,
        ...(until === undefined ? {} : { until: until.toISOString() }),
      })),
      ...{ outcome: '', outcomeMessage: '' },
    })
    return { item, rules: rulesOf(explained, now), message: explained.message }
  })
}

function gone({ name, reason, changeTime }: NonNullable<Awaited<ReturnType<typeof findImage>>>) {
  const when = changeTime === null ? '' : ` on ${changeTime.toISOString().slice(0, 10)}`
  const why = (reason ?? '') === '' ? '' : `: ${reason ?? ''}`
  return `${name} expired${when}${why}`.replace(/\.?$/, '.')
}

/** What needs it stands first; then the rules that keep, then those by which it goes. */
function rulesOf({ decision, rules: said }: Explanation, now: Date): RuleSaid[] {
  const { needs } = decision
  const needed: RuleSaid = {
    rule: rules.needed,
    applies: needs.length > 0,
    message: needs.length > 0 ? `Needed: ${needs[0]?.message ?? ''}.` : 'Nothing needs it.',
  }
  const keeping = said.map(({ rule, keeps, message }) => ({
    ...{ rule: rules[rule], applies: keeps, message },
  }))
  return [needed, ...keeping, ...lettingGo(decision, now)]
}

function lettingGo({ image, policy }: Explanation['decision'], now: Date): RuleSaid[] {
  const byAge = (rule: 'archive-after' | 'expire-after', days: number): RuleSaid => {
    const what = rule === 'archive-after' ? 'archived' : 'expired'
    const applies = days > 0 && isDaysAgo(image.published, days, now)
    const age = applies ? 'it is that old' : 'it is younger'
    const message =
      days === 0 ? `Nothing is ${what} by age.` : `What is ${days} days old is ${what}; ${age}.`
    return { rule: rules[rule], applies, message }
  }
  const { expires } = image
  const time: RuleSaid[] =
    expires === undefined
      ? []
      : [
          {
            rule: rules['time-to-live'],
            applies: expires <= now,
            message: `Its own time ends on ${expires.toISOString().slice(0, 10)}.`,
          },
        ]
  if (policy === undefined) return time
  const archive = expires === undefined ? [byAge('archive-after', policy.archiveAfterDays)] : []
  return [...time, ...archive, byAge('expire-after', policy.expireAfterDays)]
}
