import type { Catalogue } from '../names/catalogue.ts'
import { mapItem, type Mapped } from './mapping.ts'
import { byNature } from './natural.ts'
import type { Found, Source } from './source.ts'

/** An import that there was, or is. */
export interface Past {
  readonly build: string
  readonly item: string
  readonly version: string
  readonly target: string
  readonly state: 'under-way' | 'imported' | 'failed'
  /** The image that it made, or that has its bytes. */
  readonly image: string
  /** SHA-256 of the bytes as they came, in hex; empty where they did not come. */
  readonly sha256: string
}

/** What becomes of an item, and why. */
export interface Verdict {
  readonly item: Found
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

export type Fate = 'refused' | 'unfit' | 'no-line' | 'older' | 'imported' | 'under-way' | 'wanted'

/**
 * Decides what becomes of each item, in their order: for telling and for importing alike. Of each line the newest so many are
 * wanted; what was imported is not again, in the same version or with the same bytes.
 */
export function judgeItems(
  source: Source,
  items: readonly Found[],
  past: readonly Past[],
  catalogue: Catalogue,
  today: string,
): readonly Verdict[] {
  const mapped = items.map((item) => ({ item, as: asOf(source, item, catalogue, today) }))
  const ranks = ranksOf(mapped)
  const known = remember(past)
  return mapped.map(({ item, as }) => {
    if (as.kind !== 'mapped') return { item, fate: as.kind, reason: as.reason, ...nowhere }
    const is = { item, target: as.target, day: as.day ?? '', order: as.order }
    const rank = ranks.get(item) ?? 0
    return { ...is, ...fateOf(item, as.target, rank, source.newest, known) }
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
  readonly as: Mapped | { readonly kind: 'refused'; readonly reason: string }
}

/** What cannot be had is of no line, and in nobody's way. */
function asOf(source: Source, item: Found, catalogue: Catalogue, today: string): MappedItem['as'] {
  const as = mapItem(source, item, catalogue, today)
  if (item.refused === undefined || as.kind === 'unfit') return as
  return { kind: 'refused', reason: item.refused }
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
    const key = keyOf(one.target, one.item, one.version)
    const before = byVersion.get(key)
    if (before === undefined || strength[one.state] >= strength[before.state])
      byVersion.set(key, one)
    if (one.state === 'imported' && one.sha256 !== '')
      byBytes.set(keyOf(one.target, one.sha256), one)
  }
  return { byVersion, byBytes }
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

function fateOf(
  item: Found,
  target: string,
  rank: number,
  newest: number,
  memory: Memory,
): Pick<Verdict, 'fate' | 'reason' | 'image' | 'build'> {
  const before = memory.byVersion.get(keyOf(target, item.name, item.version))
  const build = before?.build ?? ''
  if (before?.state === 'under-way') {
    return { fate: 'under-way', reason: `${build} imports it`, image: '', build }
  }
  const known = before?.state === 'imported' ? before : sameBytes(item, target, memory)
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

function sameBytes({ sha256 }: Found, target: string, { byBytes }: Memory): Past | undefined {
  return sha256 === undefined ? undefined : byBytes.get(keyOf(target, sha256))
}

function counted(count: number): string {
  return count === 1 ? '1 is' : `${count} are`
}
