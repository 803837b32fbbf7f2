import type { Catalogue } from '../names/catalogue.ts'
import { mapItem, type Mapped } from './mapping.ts'
import { byNature } from './natural.ts'
import { belongings, type Belonging } from './parts.ts'
import type { Found, Part, PartKind, Source } from './source.ts'
import { toldSumOf } from './sum.ts'

/** An import that there was, or is. */
export interface Past {
  readonly build: string
  readonly item: string
  readonly version: string
  /** What came with it. */
  readonly parts: readonly PastPart[]
  readonly target: string
  readonly state: 'under-way' | 'imported' | 'failed'
  /** The image that it made, or that has its bytes. */
  readonly image: string
  /** What stands for the bytes as they came (`sumOf`), in hex; empty where they did not come. */
  readonly sha256: string
}

/** What belonged to a disk when it was imported. */
export interface PastPart {
  readonly kind: PartKind
  readonly name: string
  readonly version: string
}

/** What becomes of an item, and why. */
export interface Verdict {
  readonly item: Found
  /** What is imported with it. */
  readonly parts: readonly Part[]
  readonly fate: Fate
  readonly reason: string
  /** Empty where no line can be made of it. */
  readonly target: string
  readonly day: string
  /** What tells which of a line is newer. */
  readonly order: string
  /** Empty where there is none. */
  readonly image: string
  readonly build: string
}

export type Fate =
  | 'refused'
  | 'unfit'
  | 'part'
  | 'no-line'
  | 'incomplete'
  | 'older'
  | 'imported'
  | 'under-way'
  | 'wanted'

/**
 * Decides what becomes of each item, in their order: for telling and for importing alike. Of each line the newest so many are
 * wanted; what was imported is not again, in the same version or with the same bytes. A version is that of the disk and of all
 * that belongs to it.
 */
export function judgeItems(
  source: Source,
  items: readonly Found[],
  past: readonly Past[],
  catalogue: Catalogue,
  today: string,
): readonly Verdict[] {
  const belonging = belongings(source, items)
  const mapped = items.map((item) => placed(source, item, belonging(item), catalogue, today))
  const [ranks, owners, known] = [ranksOf(mapped), ownersOf(mapped), remember(past)]
  return mapped.map(({ item, parts, as }) => {
    if (as.kind === 'part') {
      return { item, parts, fate: as.kind, reason: wordsFor(as.part, owners.get(item)), ...nowhere }
    }
    if (as.kind !== 'mapped') return { item, parts, fate: as.kind, reason: as.reason, ...nowhere }
    const is = { item, parts, target: as.target, day: as.day ?? '', order: as.order }
    const rank = ranks.get(item) ?? 0
    return { ...is, ...fateOf({ item, parts }, as.target, rank, source.newest, known) }
  })
}

const nowhere = { target: '', day: '', order: '', image: '', build: '' } as const

/** What is to be imported now, the oldest first, so that the newest of a day gets the last serial. */
export function wantedOf(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts
    .filter(({ fate }) => fate === 'wanted')
    .toSorted((a, b) => byNature(a.order, b.order) || byNature(a.item.name, b.item.name))
}

interface MappedItem {
  readonly item: Found
  readonly parts: readonly Part[]
  readonly as:
    | Mapped
    | { readonly kind: 'refused'; readonly reason: string }
    | Exclude<Belonging, { readonly kind: 'whole' }>
}

/** What cannot be had, or not whole, is of no line, and in nobody's way. */
function placed(
  source: Source,
  item: Found,
  belonging: Belonging,
  catalogue: Catalogue,
  today: string,
): MappedItem {
  if (belonging.kind === 'part') return { item, parts: [], as: belonging }
  const parts = belonging.kind === 'whole' ? belonging.parts : []
  const as = mapItem(source, item, catalogue, today)
  if (as.kind === 'unfit') return { item, parts, as }
  if (item.refused !== undefined) {
    return { item, parts, as: { kind: 'refused', reason: item.refused } }
  }
  return { item, parts, as: as.kind === 'mapped' && belonging.kind !== 'whole' ? belonging : as }
}

/** The disks that something belongs to. */
function ownersOf(all: readonly MappedItem[]): ReadonlyMap<Found, readonly Found[]> {
  const pairs = all.flatMap(({ item, parts }) => parts.map((part) => ({ item, part: part.item })))
  const owners = Map.groupBy(pairs, ({ part }) => part)
  return new Map([...owners].map(([part, of]) => [part, of.map(({ item }) => item)]))
}

function wordsFor(part: PartKind, owners: readonly Found[] = []): string {
  const [first, ...more] = owners
  if (first === undefined) return `it fits \`${part}\`, and belongs to nothing that is there`
  return `it is the ${part} of ${first.name}${more.length === 0 ? '' : `, and of ${more.length} more`}`
}

/** How many of its line are newer than an item. */
function ranksOf(all: readonly MappedItem[]): ReadonlyMap<Found, number> {
  const lines = Map.groupBy(all, ({ as }) => (as.kind === 'mapped' ? as.line : ''))
  lines.delete('')
  const ranked = [...lines.values()].flatMap((line) =>
    line.toSorted(newestFirst).map(({ item }, rank) => [item, rank] as const),
  )
  return new Map(ranked)
}

function newestFirst(one: MappedItem, other: MappedItem): number {
  const [left, right] = [one, other].map(({ as }) => (as.kind === 'mapped' ? as.order : ''))
  return byNature(right ?? '', left ?? '') || byNature(other.item.name, one.item.name)
}

interface Memory {
  readonly byVersion: ReadonlyMap<string, Past>
  readonly byBytes: ReadonlyMap<string, Past>
}

const strength = { failed: 0, 'under-way': 1, imported: 2 } as const

function remember(past: readonly Past[]): Memory {
  const byVersion = new Map<string, Past>()
  const byBytes = new Map<string, Past>()
  for (const one of past) {
    const key = keyOf(one.target, one.item, one.version, ...one.parts.flatMap(wordsOf))
    const before = byVersion.get(key)
    if (before === undefined || strength[one.state] >= strength[before.state])
      byVersion.set(key, one)
    if (one.state === 'imported' && one.sha256 !== '')
      byBytes.set(keyOf(one.target, one.sha256), one)
  }
  return { byVersion, byBytes }
}

function wordsOf({ kind, name, version }: PastPart): readonly string[] {
  return [kind, name, version]
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

function fateOf(
  { item, parts }: Pick<MappedItem, 'item' | 'parts'>,
  target: string,
  rank: number,
  newest: number,
  memory: Memory,
): Pick<Verdict, 'fate' | 'reason' | 'image' | 'build'> {
  const partly = parts.flatMap((part) => wordsOf({ ...part.item, kind: part.kind }))
  const before = memory.byVersion.get(keyOf(target, item.name, item.version, ...partly))
  const build = before?.build ?? ''
  if (before?.state === 'under-way') {
    return { fate: 'under-way', reason: `${build} imports it`, image: '', build }
  }
  const known =
    before?.state === 'imported' ? before : sameBytes(toldSumOf(item.sha256, parts), target, memory)
  if (known !== undefined) {
    const reason =
      known === before
        ? `it is ${known.image}`
        : `its bytes are those of ${known.item}, which is ${known.image}`
    return { fate: 'imported', reason, image: known.image, build }
  }
  if (rank >= newest) {
    return { fate: 'older', reason: `${counted(rank)} of its line newer`, image: '', build }
  }
  const again = before === undefined ? '' : `; ${build} failed`
  const place = rank === 0 ? 'the newest' : `one of the newest ${newest}`
  return { fate: 'wanted', reason: `it is ${place} of its line${again}`, image: '', build }
}

function sameBytes(sum: string | undefined, target: string, { byBytes }: Memory): Past | undefined {
  return sum === undefined ? undefined : byBytes.get(keyOf(target, sum))
}

function counted(count: number): string {
  return count === 1 ? '1 is' : `${count} are`
}
