import { judge } from '../../lib/rules/judge.ts'
import type { Sql } from '../db/open.ts'
import { minute } from '../moment.ts'
import { readFacts } from './facts.ts'
import { rulesOf } from './queries.ts'
import { selectionOf } from './rule.ts'

/** What each sync rule of a facility says of an image, as sentences. */
export async function explainRules(
  sql: Sql,
  facility: string,
  image: string,
  now: Date,
): Promise<readonly string[]> {
  const rules = await rulesOf(sql, facility)
  const facts = rules.length === 0 ? undefined : await readFacts(sql, image, now)
  if (facts === undefined || facts.home === facility) return []
  return rules.map((rule) => {
    const { selected, why } = judge(selectionOf(rule), facts)
    const next = rule.nextTime === null ? '' : ` It selects anew at ${minute(rule.nextTime)}.`
    return `The sync rule ${rule.name} ${selected ? 'selects it' : 'does not select it'}: ${why}.${next}`
  })
}
