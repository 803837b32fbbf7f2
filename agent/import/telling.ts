import { parseSource } from '../../lib/sources/parse.ts'
import { match, type Pattern } from '../../lib/sources/pattern.ts'
import { SourceItem, type Source } from '../../proto/gen/merge/image/v1/source.ts'
import type { Item } from './origin.ts'

/** So many that do not fit are told, to see what names look like there. */
const mostUnfit = 200

/** What of a place its source is about, be it a disk or what belongs to one, and some of the rest, of which there may be very much. */
export function worthTelling(
  items: readonly Item[],
  { text }: Pick<Source, 'text'>,
): { readonly told: readonly Item[]; readonly note: string } {
  const { match: disks, kernel, initramfs } = parseSource(text)
  const patterns = [disks, kernel, initramfs].filter((pattern) => pattern !== undefined)
  const { fit = [], unfit = [] } = Object.groupBy(items, ({ name }) =>
    patterns.some((pattern) => fits(pattern, name)) ? 'fit' : 'unfit',
  )
  const told = [...fit, ...unfit.slice(0, mostUnfit)]
  const more = items.length - told.length
  const note = more === 0 ? '' : `${more} more items do not fit the pattern, and are not listed.`
  return { told, note }
}

function fits(pattern: Pattern, name: string): boolean {
  try {
    return match(pattern, name) !== undefined
  } catch {
    // It takes too long to tell, and the portal says so.
    return true
  }
}

/** As the portal takes an item: what is too long to be told is left out, or cut. */
const mostFields = 64
const longest = { name: 600, field: 500 } as const

export function renderItem(item: Item): SourceItem {
  const { name, version, sha256 = '', sizeBytes = 0n, time, refused } = item
  return SourceItem.create({
    ...{ sha256, sizeBytes, time, fields: fieldsOf(item) },
    name: tellable(name).slice(0, longest.name),
    version: tellable(version).slice(0, longest.name),
    refused: refused?.message.slice(0, longest.field) ?? '',
  })
}

function fieldsOf({ fields }: Item): Record<string, string> {
  const told = Object.entries(fields).filter((entry) =>
    entry.every((text) => text.length <= longest.field && !/\p{Cc}/u.test(text)),
  )
  return Object.fromEntries(told.filter(([name]) => name !== '').slice(0, mostFields))
}

function tellable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?') || '?'
}

/** So much of a report fits into one message with ease. */
const partBytes = 256 * 1024
const partItems = 1000

/** A report of items in parts, of which the last says so; one at least. */
export function* partsOf(
  items: readonly SourceItem[],
): Generator<{ readonly items: readonly SourceItem[]; readonly last: boolean }> {
  let part: SourceItem[] = []
  let bytes = 0
  for (const item of items) {
    const size = SourceItem.encode(item).finish().length
    if (part.length === partItems || (part.length > 0 && bytes + size > partBytes)) {
      yield { items: part, last: false }
      part = []
      bytes = 0
    }
    part.push(item)
    bytes += size
  }
  yield { items: part, last: true }
}
