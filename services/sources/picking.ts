import { missing, precondition } from '../../lib/failure.ts'
import { shown } from '../../lib/names/name.ts'
import type { Verdict } from '../../lib/sources/judge.ts'

/** The item of this name, if it can be imported: however old it is, and once unless that is forced. */
export function pickItem(
  verdicts: readonly Verdict[],
  {
    source,
    item,
    force,
  }: Readonly<Record<'source' | 'item', string>> & { readonly force: boolean },
): Verdict {
  const found = verdicts.find((verdict) => verdict.item.name === item)
  if (found === undefined) {
    const text = `The last scan of ${source} found no item "${shown(item)}"; "mrg-image list items ${source}" shows those that it found, and "mrg-image scan source ${source}" looks again.`
    throw missing('ITEM_NOT_FOUND', text, { name: item })
  }
  const { fate, reason, image } = found
  if (fate === 'wanted' || fate === 'older' || (fate === 'imported' && force)) return found
  const text = `"${shown(item)}" is not imported: ${reason}.${fate === 'imported' ? ' --force imports it again.' : ''}`
  throw precondition('ITEM_NOT_IMPORTED', text, { name: item, image })
}
