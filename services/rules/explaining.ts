import { judge, type Verdict } from '../../lib/rules/judge.ts'
import { allowanceOf } from '../../lib/rules/terms.ts'
import type { Sql } from '../db/open.ts'
import { minute } from '../moment.ts'
import { readFacts } from './facts.ts'
import { rulesOf } from './queries.ts'
import { selectionOf, type RuleRow } from './rule.ts'
import { termsOfRule } from './terms.ts'

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
  const said: string[] = []
  for (const rule of rules) {
    const selection = selectionOf(rule)
    const { labels } = selection
    const placed = labels.length === 0 ? facts : await readFacts(sql, image, now, labels)
    said.push(inWords(rule, judge(selection, placed ?? facts), now))
  }
  return said
}

function inWords(rule: RuleRow, { selected, why }: Verdict, now: Date): string {
  const next = rule.nextTime === null ? '' : ` It selects anew at ${minute(rule.nextTime)}.`
  const terms = selected ? termsInWords(rule, now) : ''
  return `The sync rule ${rule.name} ${selected ? 'selects it' : 'does not select it'}: ${why}.${terms}${next}`
}

/** On which terms what a rule selects is fetched; nothing where it has none. */
function termsInWords(rule: RuleRow, now: Date): string {
  const { windows, zone, rate, peers } = rule
  const allowance = allowanceOf(termsOfRule(rule), true, now)
  const opens = allowance.kind === 'closed' ? `, next from ${minute(allowance.opensAt)}` : ''
  const said = [
    ...(windows.length === 0 ? [] : [`in the hours ${windows.join(', ')} of ${zone}${opens}`]),
    ...(rate === 0n ? [] : [`at ${rate} bytes a second at most`]),
    ...(peers === 'last' ? ['from the portal first'] : []),
    ...(peers === 'only' ? ['from other facilities alone'] : []),
  ]
  return said.length === 0 ? '' : ` By it alone it is fetched ${said.join(', ')}.`
}
