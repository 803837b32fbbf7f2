import { comesFirst, type Lacked } from '../lib/rules/order.ts'
import { allowanceOf, type Allowance } from '../lib/rules/terms.ts'
import type { DesiredImage } from '../proto/gen/merge/image/v1/agent.ts'
import { readTerms } from './terms.ts'

/** An image to bring here, and how. */
export interface Fetch extends Open {
  readonly desired: DesiredImage
  readonly reason: 'wanted'
}

/** What its terms allow. */
export type Open = Extract<Allowance, { readonly kind: 'open' }>

/** Why the terms of an image have it wait. */
export type Wait = Exclude<Allowance, Open>

/** What is known of the tries that failed, by the image's name: not to be tried again before then. */
export type NotBefore = ReadonlyMap<string, number>

export interface Plan {
  /** What to bring now, in order: what no rate binds first, each as lib/rules/order.ts says. */
  readonly fetches: readonly Fetch[]
  /** What waits for its terms, by the image's name. */
  readonly waits: ReadonlyMap<string, Wait>
  /** When the next failed try may be repeated; undefined if none failed. */
  readonly retryAt: number | undefined
  /** Whether everything that is wanted is here. */
  readonly converged: boolean
}

/** Two clocks: the one that only runs on, in milliseconds, and the one of the day. */
export interface Moment {
  readonly clock: number
  readonly date: Date
}

/** What an agent does next: a function of what it should hold, what it holds and what failed. */
export function planSync(
  wanted: readonly DesiredImage[],
  present: ReadonlySet<string>,
  notBefore: NotBefore,
  now: Moment,
): Plan {
  const lacking = wanted
    .filter(({ image }) => image !== undefined && !present.has(image.name))
    .map((desired) => ({ desired, name: nameOf(desired), allowance: allowed(desired, now.date) }))
  const waits = new Map<string, Wait>()
  const [fetches, later]: [Fetch[], number[]] = [[], []]
  for (const { desired, name, allowance } of lacking) {
    const retryAt = notBefore.get(name) ?? 0
    if (allowance.kind !== 'open') waits.set(name, allowance)
    else if (retryAt > now.clock) later.push(retryAt)
    else fetches.push({ desired, reason: 'wanted', ...allowance })
  }
  return {
    fetches: fetches.toSorted(byOrder),
    waits,
    retryAt: later.length === 0 ? undefined : Math.min(...later),
    converged: lacking.length === 0,
  }
}

/** Whether what is fetched goes on: on the terms on which it began, and until something comes that makes it wait. */
export function mayGoOn({ desired, rate, peers }: Fetch, { fetches, waits }: Plan): boolean {
  const name = nameOf(desired)
  if (waits.has(name)) return false
  const now = fetches.find((fetch) => nameOf(fetch.desired) === name)
  // What is wanted no more is fetched to its end.
  if (now === undefined) return true
  if (now.rate !== rate || now.peers !== peers) return false
  return rate === undefined || fetches[0]?.rate !== undefined
}

function allowed({ terms, holders }: DesiredImage, now: Date): Allowance {
  return allowanceOf(readTerms(terms), holders.length > 0, now)
}

function nameOf({ image }: DesiredImage): string {
  return image?.name ?? ''
}

function byOrder(a: Fetch, b: Fetch): number {
  return comesFirst(lackedOf(a), lackedOf(b))
}

function lackedOf({ desired, rate }: Fetch): Lacked {
  const { image, byTime, priority } = desired
  const isBound = rate !== undefined
  return {
    name: image?.name ?? '',
    storedBytes: image?.storedBytes ?? 0n,
    byTime,
    priority,
    isBound,
  }
}

/** How long a failed try waits before the next, growing with the number of failures. */
export function retryAfterMs(failures: number): number {
  return Math.min(60_000, 2_000 * 2 ** (failures - 1))
}
