import {
  ResolveRule,
  type RejectedImage,
  type ResolveImageResponse,
} from '../proto/gen/merge/image/v1/resolver.ts'
import type { Paint } from './command.ts'
import { table } from './table.ts'
import { counted, plain } from './units.ts'

/** No answer names more candidates. */
const mostTold = 1000
/** Most names that are shown of each reason; there can be a thousand. */
const mostShown = 3

/** Why it was that image and none of the others: each reason, the newest that it kept out, and how many more. */
export function renderRejected(paint: Paint, answer: ResolveImageResponse): string {
  const { rule, rejected } = answer
  if (rule === ResolveRule.RESOLVE_RULE_EXACT) return 'It was asked for by its exact name.'
  if (rule === ResolveRule.RESOLVE_RULE_ALIAS) return 'The alias points at it.'
  if (rejected.length === 0) return 'There is no other image of this distro.'
  const reasons = Map.groupBy(rejected, reasonOf)
  const rows = [...reasons].flatMap(([reason, images]) => rowsOf(paint, reason, images))
  const orMore = rejected.length < mostTold ? '' : ' or more'
  const count = `${counted(rejected.length, 'other image')}${orMore}`
  return `${paint('bold', 'Why not another')} (${count}), newest first\n\n${table(paint, ['Why not', 'Image'], rows)}`
}

function rowsOf(paint: Paint, reason: string, images: readonly RejectedImage[]): string[][] {
  const names = images.slice(0, mostShown).map(({ name }) => plain(name))
  const rest = images.length - names.length
  const lines = rest === 0 ? names : [...names, paint('dim', `and ${rest} more`)]
  return lines.map((line, i) => [i === 0 ? reason : '', line])
}

/** What all that are rejected alike have in common: of one rule, not of one clause. */
function reasonOf({ rule, why }: RejectedImage): string {
  switch (rule) {
    case 'OLDER':
      return 'fits, but is older'
    case 'DEFAULT':
      return `${plain(why)} (default)`
    default:
      return plain(why)
  }
}
