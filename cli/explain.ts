import {
  RetentionAction,
  RetentionRule,
  type ExplainRetentionResponse,
} from '../proto/gen/merge/image/v1/retention.ts'
import { command, type Paint } from './command.ts'
import { exactName } from './find.ts'
import { itemJson } from './plans.ts'
import { retention } from './policies.ts'
import { table } from './table.ts'
import { plain } from './units.ts'
import { word } from './words.ts'

const explain = command({
  verb: 'explain',
  object: 'retention',
  summary: 'say why an image is still here, or why and when it will go',
  arguments: ['IMAGE'],
  flags: {},
  examples: ['explain retention debian-13.0-std-x86-20260615', 'explain retention debian-13'],
  async run(context, [reference]) {
    const image = await exactName(context, reference)
    const answer = await retention(context).explainRetention({ image }, { signal: context.signal })
    const rules = answer.rules.map((said) => ({ ...said, rule: word(RetentionRule, said.rule) }))
    const json = { ...answer, item: answer.item && itemJson(answer.item), rules }
    return { json, text: (paint) => explained(paint, image, answer) }
  },
})

export const explainCommands = [explain]

function explained(paint: Paint, image: string, answer: ExplainRetentionResponse): string {
  const { item, rules, message } = answer
  if (item === undefined) return plain(message)
  const keeps = item.action === RetentionAction.RETENTION_ACTION_KEEP
  const head = paint(keeps ? 'green' : 'yellow', image)
  const by = item.policy === '' ? 'No policy is about it.' : `Policy: ${item.policy}.`
  const needs = item.holders.map((holder) => `  ${plain(holder.message)}`)
  const needed = needs.length > 0 ? `\nIt is needed:\n${needs.join('\n')}` : ''
  const rows = rules.map(({ rule, applies, message: said }) => [
    ...[word(RetentionRule, rule).replaceAll('_', ' '), applies ? 'yes' : 'no', plain(said)],
  ])
  const all =
    rows.length === 0 ? '' : `\n\n${table(paint, ['Rule', 'Applies', 'What it says'], rows)}`
  return `${head}: ${plain(message)}\n${by}${needed}${all}`
}
