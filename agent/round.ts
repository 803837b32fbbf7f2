import type { Logger } from 'pino'
import type { Clock } from '../lib/chunks/clock.ts'
import type { Collector } from '../lib/chunks/collector.ts'
import { type Digest, parseDigest } from '../lib/content/digest.ts'
import type { Asking } from './asking.ts'
import { manifestsOf } from './collecting.ts'
import { candidatesOf, planEviction, ranksOf, whyItStays } from './evict.ts'
import type { Goer, Rules, Stored, Weights } from './evict.ts'
import type { ImageTable } from './images.ts'
import type { Marks } from './marks.ts'
import type { Needs } from './needs.ts'
import type { SyncState } from './sync.ts'
import type { Usage } from './usage.ts'

export interface EvictionLimits extends Marks {
  /** What the store may take; undefined for as much as the disk holds. */
  readonly mostBytes: number | undefined
  readonly keepUsedMs: number
  readonly keepUnwantedMs: number
}

/** What a round works with. */
export interface RoundDeps {
  readonly limits: EvictionLimits
  readonly images: ImageTable
  readonly needs: Needs
  readonly usage: Usage
  readonly weigh: (
    ranks: ReadonlyMap<Digest, number>,
    isKept: (manifest: Digest) => boolean,
  ) => Promise<Weights>
  readonly asking: Asking
  readonly collecting: Pick<Collector, 'run'>
  readonly state: Pick<SyncState, 'desired' | 'heard' | 'bell'>
  readonly clock: Clock
  readonly now: () => Date
  readonly log: Logger
}

/** What is let go, and why the others stay. */
export interface Eviction {
  readonly goers: readonly Goer[]
  readonly stayers: readonly { readonly image: Stored; readonly why: string }[]
  /** Bytes of chunks that nothing needed as it was. */
  readonly goingBytes: number
}

/** What one round is about. */
export interface Round {
  /** The images that may go, if not all that are here. */
  readonly names: ReadonlySet<string> | undefined
  /** How many bytes are to come free, given what goes as it is. */
  readonly bytes: (goingBytes: number) => number | 'all'
  readonly rehearse: boolean
}

/** Plans, asks the portal, lets go what it allows, and gives the space back. */
export async function carryOut(
  round: Round,
  deps: RoundDeps,
  signal: AbortSignal,
): Promise<Eviction> {
  await deps.usage.look()
  const first = looked(round.names, new Map(), deps)
  const refused = await deps.asking.refused(namesOf(first.candidates), true, signal)
  const plan = await planned(round, refused, deps)
  if (plan.goers.length === 0 || round.rehearse) return plan
  const asked = deps.clock.now()
  const late = await deps.asking.refused(
    namesOf(plan.goers.map(({ image }) => image)),
    false,
    signal,
  )
  // What the portal refuses now it allowed a moment ago: somebody else has let its copy go meanwhile.
  const final =
    late.size === 0 ? plan : await planned(round, new Map([...refused, ...late]), deps, plan)
  const { goers } = stillGoing(final, asked, deps)
  for (const { image } of goers) deps.images.forget(image.name)
  if (goers.length > 0) {
    const freedBytes = goers.reduce((sum, goer) => sum + goer.freedBytes, 0)
    deps.log.info({ images: goers.map(({ image }) => image.name), freedBytes }, 'images let go')
    deps.state.bell.ring()
  }
  await giveBack(deps, signal)
  return { ...final, goers }
}

/** The portal holds an allowance open for longer than this. */
const allowedMs = 60_000

/** Nothing goes that was wanted or used since the portal was asked, or that it allowed too long ago. */
function stillGoing(
  { goers }: Eviction,
  asked: number,
  deps: RoundDeps,
): { readonly goers: readonly Goer[] } {
  if (deps.clock.now() - asked > allowedMs) return { goers: [] }
  const { candidates } = looked(new Set(namesOf(goers.map(({ image }) => image))), new Map(), deps)
  const going = new Set(namesOf(candidates))
  return { goers: goers.filter(({ image }) => going.has(image.name)) }
}

/** What is condemned in one cycle is doomed in the next. */
export async function giveBack(
  { collecting }: Pick<RoundDeps, 'collecting'>,
  signal: AbortSignal,
): Promise<void> {
  await collecting.run(signal)
  await collecting.run(signal)
}

export interface Looked {
  readonly stored: readonly Stored[]
  readonly rules: Rules
  readonly candidates: readonly Stored[]
}

/** What is here now, and what of it may go. Whoever names images does not want them kept for when they are wanted again. */
export function looked(
  names: ReadonlySet<string> | undefined,
  refused: ReadonlyMap<string, string>,
  { limits, images, usage, state, now }: RoundDeps,
): Looked {
  const used = usage.last()
  const stored = images.arrivals().map(({ image, arrived, unwanted }) => ({
    ...{ name: image.name, digest: parseDigest(image.digest), bytes: Number(image.storedBytes) },
    ...{ arrived, unwanted, used: used.get(image.name) },
  }))
  const rules: Rules = {
    ...{ now: now(), pinned: usage.pinned(), refused },
    wanted: new Set(state.desired.images.flatMap(({ image }) => image?.name ?? [])),
    keepUsedMs: limits.keepUsedMs,
    keepUnwantedMs: names === undefined ? limits.keepUnwantedMs : 0,
  }
  const asked = stored.filter(({ name }) => names?.has(name) !== false)
  return { stored, rules, candidates: candidatesOf(asked, rules) }
}

/** Only of those in a former plan, where there is one. */
async function planned(
  { names, bytes }: Round,
  refused: ReadonlyMap<string, string>,
  deps: RoundDeps,
  former?: Eviction,
): Promise<Eviction> {
  const { stored, rules, candidates: all } = looked(names, refused, deps)
  const before = former && new Set(namesOf(former.goers.map(({ image }) => image)))
  const candidates = all.filter(({ name }) => before?.has(name) !== false)
  const kept = manifestsOf(deps.images.present(), deps.state.desired.images)
  const coming = manifestsOf([], deps.state.desired.images)
  const { isHeld } = deps.needs
  const ranks = ranksOf(candidates, stored, (digest) => coming.has(digest) || isHeld(digest))
  const weights = await deps.weigh(ranks, (digest) => kept.has(digest) || isHeld(digest))
  const wished = former === undefined ? bytes(weights.goingBytes) : 'all'
  const goers = planEviction(candidates, ranks, weights, wished)
  const going = new Set(namesOf(goers.map(({ image }) => image)))
  const stayers = stored
    .filter(({ name }) => !going.has(name) && names?.has(name) !== false)
    .map((image) => ({ image, why: whyItStays(image, rules) ?? whyNot(image, ranks, weights) }))
  return { goers, stayers, goingBytes: weights.goingBytes }
}

function whyNot(
  { digest }: Stored,
  ranks: ReadonlyMap<Digest, number>,
  { weights }: Weights,
): string {
  return weights.has(ranks.get(digest) ?? 0)
    ? 'there is room enough without it'
    : 'others here that stay need all that it has'
}

function namesOf(images: readonly Stored[]): string[] {
  return images.map(({ name }) => name)
}
