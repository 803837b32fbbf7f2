import { Failure } from '../failure.ts'
import { takenFrom } from './mapping.ts'
import { fillIn, match, mostSteps, type Pattern } from './pattern.ts'
import { partKinds, type Found, type Part, type PartKind, type Source } from './source.ts'
import { toldSumOf } from './sum.ts'

/** Whether an item is a disk with all that belongs to it; of what does not fit `match` it says nothing. */
export type Belonging =
  | { readonly kind: 'whole'; readonly parts: readonly Part[] }
  | { readonly kind: 'incomplete'; readonly reason: string }
  /** It is no disk, but belongs to one. */
  | { readonly kind: 'part'; readonly part: PartKind }

type PartSource = Pick<Source, 'match' | 'kernel' | 'initramfs'>

/** Tells of each of the items what belongs to it. What fits `kernel` or `initramfs` is no disk, whatever `match` says. */
export function belongings(
  source: PartSource,
  items: readonly Found[],
): (item: Found) => Belonging {
  const steps = { left: mostStepsOfAll }
  const wanted = partKinds.flatMap((kind) => {
    const pattern = source[kind]
    return pattern === undefined ? [] : [offerOf(kind, pattern, items, steps)]
  })
  return (item) => {
    const as = wanted.find(({ byName }) => byName.has(item.name))
    if (as !== undefined) return { kind: 'part', part: as.kind }
    const taken = wanted.length === 0 ? '' : takenFrom(source.match, item.name)
    if (typeof taken === 'string') return { kind: 'whole', parts: [] }
    const parts: Part[] = []
    for (const offer of wanted) {
      const found = theOne(offer, fillIn(offer.pattern, taken), steps)
      if (typeof found === 'string') return { kind: 'incomplete', reason: found }
      parts.push({ kind: offer.kind, item: found })
    }
    return { kind: 'whole', parts }
  }
}

/** What stands for the bytes of the disks that something belongs to, as far as their place tells. */
export function sumsOf(source: PartSource, items: readonly Found[]): readonly string[] {
  const belonging = belongings(source, items)
  return items.flatMap((item) => {
    const is = belonging(item)
    if (is.kind !== 'whole' || is.parts.length === 0) return []
    return toldSumOf(item.sha256, is.parts) ?? []
  })
}

/** For all of a place: who writes names does not choose how long it takes to tell what belongs where. */
const mostStepsOfAll = 3_000_000

interface Steps {
  left: number
}

/** What there is that can be part of some disk. */
interface Offer {
  readonly kind: PartKind
  readonly pattern: Pattern
  readonly items: readonly Found[]
  readonly byName: ReadonlyMap<string, Found>
}

function offerOf(kind: PartKind, pattern: Pattern, all: readonly Found[], steps: Steps): Offer {
  const items = all.filter(({ name }) => fits(pattern, name, steps) === true)
  return { kind, pattern, items, byName: new Map(items.map((item) => [item.name, item])) }
}

/** The item that fits, if there is one and no other, or why there is none. */
function theOne(offer: Offer, pattern: Pattern, steps: Steps): Found | string {
  const { kind } = offer
  const found: Found[] = []
  for (const item of candidates(offer, pattern)) {
    if (fits(pattern, item.name, steps) !== false) found.push(item)
    if (found.length > 1) break
  }
  if (steps.left <= 0) return 'there are too many names to tell what belongs to it'
  const [only, other] = found
  if (only === undefined) return `nothing that is there is its ${kind}`
  if (other !== undefined) {
    return `${only.name} and ${other.name} both fit as its ${kind}: write \`${kind}\` so that one does`
  }
  if (only.refused === undefined) return only
  return `its ${kind} ${only.name} cannot be had: ${only.refused}`
}

/** Few of the many, by what the pattern begins and ends with. */
function candidates({ items, byName }: Offer, pattern: Pattern): readonly Found[] {
  const texts = pattern.map((piece) => (piece.kind === 'text' ? piece.text : undefined))
  const free = (text: string | undefined): boolean => text === undefined
  if (!texts.some(free)) {
    const exact = byName.get(texts.join(''))
    return exact === undefined ? [] : [exact]
  }
  const start = texts.slice(0, texts.findIndex(free)).join('')
  const end = texts.slice(texts.findLastIndex(free) + 1).join('')
  return items.filter(({ name }) => name.startsWith(start) && name.endsWith(end))
}

/** Undefined where it takes too long to tell. */
function fits(pattern: Pattern, name: string, steps: Steps): boolean | undefined {
  const most = Math.min(mostSteps, steps.left)
  const own = { left: most }
  try {
    return match(pattern, name, own) !== undefined
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  } finally {
    steps.left -= most - Math.max(0, own.left)
  }
}
