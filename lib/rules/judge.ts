import { fitsSelector, renderSelector, type Labels, type Selector } from '../labels.ts'
import { renderLine, type Line } from '../names/name.ts'
import { fits, type Pattern } from '../names/pattern.ts'

/** Which images a rule selects (rule.proto). */
export interface Selection {
  /** None for any line. */
  readonly patterns: readonly Pattern[]
  readonly newest: number
  /** Names, or `*` for all. */
  readonly aliases: readonly string[]
  readonly held: boolean
  /** What all of an image's labels are to be like. */
  readonly labels: readonly Selector[]
  /** `portal`, a facility, or empty for anywhere. */
  readonly origin: string
}

/** What decides about an image. */
export interface Facts {
  readonly line: Line
  /** Whether it is released, its bytes are there, and others may have it. */
  readonly usable: boolean
  /** The facility that has its bytes and the portal has not; null where the portal has them. */
  readonly home: string | null
  /** Whether names and aliases that follow its line pass it by. */
  readonly heldBack: boolean
  /** Which of the newest of its line it is, 1 for the newest; null where it is none of them. */
  readonly place: number | null
  /** What points to it. */
  readonly aliases: readonly string[]
  /** Whether a materialization or an artifact holds it. */
  readonly held: boolean
  readonly labels: Labels
}

/** Whether a rule selects an image, and why, as a clause. */
export interface Verdict {
  readonly selected: boolean
  readonly why: string
}

export function judge(selection: Selection, facts: Facts): Verdict {
  const obstacle = outside(selection, facts)
  if (obstacle !== undefined) return { selected: false, why: obstacle }
  const reason = reasonFor(selection, facts)
  return reason === undefined
    ? { selected: false, why: passedBy(selection, facts) }
    : { selected: true, why: reason }
}

/** The same, with each one's place among those of its line that have the labels. */
export function placedAmong<T extends Facts>(all: readonly T[], labels: readonly Selector[]): T[] {
  const fits = (facts: Facts): boolean => labels.every((one) => fitsSelector(one, facts.labels))
  const lines = Map.groupBy(all.filter(fits), ({ line }) => renderLine(line))
  return [...lines.values()].flatMap((line) => {
    const counted = line.filter(({ place }) => place !== null)
    const order = counted.toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0))
    const places = new Map(order.map((facts, i) => [facts, i + 1]))
    return line.map((facts) => ({ ...facts, place: places.get(facts) ?? null }))
  })
}

/** Why the rule never looks at it. */
function outside({ patterns, labels, origin }: Selection, facts: Facts): string | undefined {
  const { line, usable, home } = facts
  if (patterns.length > 0 && !patterns.some((pattern) => fits(pattern, line))) {
    return 'its line is none of the rule'
  }
  const unfit = labels.find((selector) => !fitsSelector(selector, facts.labels))
  if (unfit !== undefined) return `its labels do not fit ${renderSelector(unfit)}`
  if (!usable) return 'only what is released, is there and may be fetched is selected'
  if (origin === '' || origin === (home ?? 'portal')) return undefined
  return `its bytes are at ${home ?? 'the portal'}, and the rule takes what is at ${originWord(origin)}`
}

function originWord(origin: string): string {
  return origin === 'portal' ? 'the portal' : origin
}

function reasonFor({ newest, aliases, held }: Selection, facts: Facts): string | undefined {
  const { place } = facts
  if (place !== null && place <= newest) {
    return place === 1
      ? 'the newest of its line'
      : `number ${place} of the newest ${newest} of its line`
  }
  const alias = facts.aliases.find((name) => aliases.includes('*') || aliases.includes(name))
  if (alias !== undefined) return `the alias ${alias} points to it`
  return held && facts.held ? 'something that runs or is kept holds it' : undefined
}

/** Why the rule looked at it and took others. */
function passedBy({ newest, aliases, held }: Selection, { place, heldBack }: Facts): string {
  const counted = place === null ? 'it is not' : `it is number ${place}, not`
  const rank = heldBack ? 'it is held back, and not' : counted
  return [
    ...(newest > 0
      ? [`${rank} among the newest${newest === 1 ? '' : ` ${newest}`} of its line`]
      : []),
    ...(aliases.length > 0 ? ['none of the aliases points to it'] : []),
    ...(held ? ['nothing holds it that runs or is kept'] : []),
  ].join(', and ')
}
