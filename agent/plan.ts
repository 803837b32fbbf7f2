import { comesFirst, type Lacked } from '../lib/rules/order.ts'
import type { DesiredImage } from '../proto/gen/merge/image/v1/agent.ts'

/** An image to bring here, and why. */
export interface Fetch {
  readonly desired: DesiredImage
  readonly reason: 'wanted'
}

/** What is known of the tries that failed, by the image's name: not to be tried again before then. */
export type NotBefore = ReadonlyMap<string, number>

export interface Plan {
  /** What to bring now, in order (lib/rules/order.ts). */
  readonly fetches: readonly Fetch[]
  /** When the next failed try may be repeated; undefined if none failed. */
  readonly retryAt: number | undefined
  /** Whether everything that is wanted is here. */
  readonly converged: boolean
}

/** What an agent does next: a function of what it should hold, what it holds and what failed. */
export function planSync(
  wanted: readonly DesiredImage[],
  present: ReadonlySet<string>,
  notBefore: NotBefore,
  now: number,
): Plan {
  const lacking = wanted.filter(({ image }) => image !== undefined && !present.has(image.name))
  const waitOf = ({ image }: DesiredImage): number => notBefore.get(image?.name ?? '') ?? 0
  const due = lacking.filter((desired) => waitOf(desired) <= now)
  const later = lacking.map(waitOf).filter((time) => time > now)
  return {
    fetches: due.toSorted(byOrder).map((desired) => ({ desired, reason: 'wanted' })),
    retryAt: later.length === 0 ? undefined : Math.min(...later),
    converged: lacking.length === 0,
  }
}

function byOrder(a: DesiredImage, b: DesiredImage): number {
  return comesFirst(lackedOf(a), lackedOf(b))
}

function lackedOf({ image, byTime, priority }: DesiredImage): Lacked {
  return { name: image?.name ?? '', storedBytes: image?.storedBytes ?? 0n, byTime, priority }
}

/** How long a failed try waits before the next, growing with the number of failures. */
export function retryAfterMs(failures: number): number {
  return Math.min(60_000, 2_000 * 2 ** (failures - 1))
}
