import {
  demandFew,
  demandKey,
  parseLabels,
  parseSelector,
  type Labels,
  type Selector,
} from '../../lib/labels.ts'
import type { LabelImageRequest } from '../../proto/gen/merge/image/v1/image.ts'
import { invalid } from '../../lib/failure.ts'
import { shown } from '../../lib/names/name.ts'
import type { Sql, Transaction } from '../db/open.ts'

/** What is to become of an image's labels. */
export interface LabelEdit {
  readonly set: Labels
  readonly remove: readonly string[]
}

/** Reads a change as it was sent, or throws INVALID_FIELD. */
export function parseEdit({ set, remove }: LabelImageRequest): LabelEdit {
  for (const key of remove) {
    demandKey(key)
    if (!Object.hasOwn(set, key)) continue
    const text = `${shown(key)} is to be set and to be removed: say one of them.`
    throw invalid('INVALID_FIELD', text, { field: 'remove' })
  }
  if (Object.keys(set).length + remove.length === 0) {
    throw invalid('INVALID_FIELD', 'Say which labels to set or to remove.', { field: 'set' })
  }
  return { set: parseLabels(set), remove }
}

/** Changes the labels of an image, whose row is locked; false if they were so already. */
export async function editLabels(
  tx: Transaction,
  image: string,
  { set, remove }: LabelEdit,
): Promise<boolean> {
  const [row] = await tx<{ labels: Labels }[]>`
    select (labels - ${remove as string[]}::text[]) || ${tx.json(set)} as labels from image where name = ${image}`
  demandFew(Object.keys(row?.labels ?? {}).length)
  const { count } = await tx`
    update image set labels = (labels - ${remove as string[]}::text[]) || ${tx.json(set)}
    where name = ${image} and labels <> (labels - ${remove as string[]}::text[]) || ${tx.json(set)}`
  return count > 0
}

/** Refuses what asks for labels in a way that nobody reads. */
export function demandSelectors(texts: readonly string[]): void {
  demandFew(texts.length)
  texts.forEach(parseSelector)
}

/** Whether an image has the labels that are asked for, all of them. */
export function fitsLabels(sql: Sql | Transaction, selectors: readonly Selector[]) {
  const keysOf = (kind: Selector['kind']): string[] =>
    selectors.flatMap((one) => (one.kind === kind ? [one.key] : []))
  // Two values for one key fit none.
  const equal = selectors.flatMap((one) => (one.kind === 'is' ? [{ [one.key]: one.value }] : []))
  return sql`(labels @> all (${equal.map((one) => JSON.stringify(one))}::text[]::jsonb[])
    and labels ?& ${keysOf('has')}::text[] and not labels ?| ${keysOf('lacks')}::text[])`
}
