import type { Digest } from '../content/digest.ts'
import { Failure, missing, unavailable } from '../failure.ts'
import { fetchPart, type PartOptions } from './batch.ts'
import { faultOf } from './fault.ts'
import { type Origin, partChunks, rank, type RankedSource } from './ranking.ts'
import type { Run } from './source.ts'
import { survey } from './survey.ts'

export interface Gathering extends PartOptions {
  readonly sources: (wanted: ReadonlySet<Digest>) => readonly RankedSource[]
  /** Whom to ask first; peers if it is not given. */
  readonly first?: Origin
  /** How often everybody is asked again for a batch while nothing at all comes, for the others neither. */
  readonly retries: number
  /** Runs that came, for all batches. */
  readonly came: () => number
  readonly take: (run: Run, from: RankedSource) => Promise<void>
  /** When a peer held nothing of what was asked for. */
  readonly lackedAt: Map<string, number>
}

/** Which of the chunks each peer holds that has answered. */
type Holdings = ReadonlyMap<string, ReadonlySet<Digest>>

/** Why each source did not give what it was to. */
type Faults = Map<string, unknown>

const pauseMs = 250

/** Brings the chunks of one batch, from whoever has them. Who failed is asked again as long as that brings something. */
export async function gather(
  batch: readonly Digest[],
  gathering: Gathering,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(batch)
  let retries = 0
  for (;;) {
    const [before, cameBefore] = [wanted.size, gathering.came()]
    const faults = await askAround(wanted, gathering, signal)
    if (wanted.size === 0) return
    const came = wanted.size < before
    retries = gathering.came() > cameBefore ? 0 : retries + 1
    if (!mayHelp(faults, came) || retries > gathering.retries) throw nobodyHas(wanted, faults)
    if (!came) await gathering.clock.sleep(pauseMs * 2 ** (retries - 1), signal)
  }
}

/** Whether asking again may bring more: where something came, those who sat out are still to be asked; a cut line may be whole again. */
function mayHelp(faults: Faults, came: boolean): boolean {
  const kinds = new Set([...faults.values()].map(faultOf))
  return came || kinds.has('away') || kinds.has('stall')
}

/** Asks everybody once, who failed not again. It ends early where only those are left that sit out, and something came. */
async function askAround(
  wanted: Set<Digest>,
  gathering: Gathering,
  signal: AbortSignal,
): Promise<Faults> {
  const { sources, standing, clock, first } = gathering
  const before = wanted.size
  const faults: Faults = new Map()
  const holdings = new Map<string, ReadonlySet<Digest>>()
  const asked = new Set<string>()
  while (wanted.size > 0) {
    const ranked = (some: readonly RankedSource[]) => rank(some, standing.knows, clock.now(), first)
    const left = ranked(sources(wanted).filter(({ name }) => !faults.has(name)))
    const awake = left.filter(({ name }) => standing.knows(name).restingUntil <= clock.now())
    if (left.length === 0 || (awake.length === 0 && wanted.size < before)) return faults
    const able = awake.length > 0 ? awake : left.slice(0, 1)
    const [from] = ranked(able.filter((source) => holds(source, wanted, holdings)))
    const unasked = peersToAsk(able, asked, gathering)
    if (unasked.length > 0 && isToAsk(from, asked, first)) {
      for (const { name } of unasked) asked.add(name)
      await ask(unasked, wanted, holdings, faults, gathering, signal)
    } else if (from === undefined) {
      for (const { name } of able) faults.set(name, lacks(wanted))
    } else await fetchFrom(from, wanted, holdings.get(from.name), faults, gathering, signal)
  }
  return faults
}

/** Whether peers are to be asked what they hold: once at least, but not where the portal comes first and can be asked. */
function isToAsk(
  from: RankedSource | undefined,
  asked: ReadonlySet<string>,
  first: Origin | undefined,
): boolean {
  return from === undefined || (asked.size === 0 && from.origin !== first)
}

/** The portal is not asked what it holds: it holds all of an image. */
function holds(
  { name, origin }: RankedSource,
  wanted: ReadonlySet<Digest>,
  holdings: Holdings,
): boolean {
  if (origin === 'portal') return true
  const held = holdings.get(name)
  return held !== undefined && [...wanted].some((digest) => held.has(digest))
}

const mostAsked = 8

/** Those come last that held nothing a moment ago, so that all have their turn where there are many. */
function peersToAsk(
  able: readonly RankedSource[],
  asked: ReadonlySet<string>,
  { lackedAt }: Gathering,
): RankedSource[] {
  const when = ({ name }: RankedSource): number => lackedAt.get(name) ?? 0
  return able
    .filter(({ name, origin }) => origin === 'peer' && !asked.has(name))
    .toSorted((a, b) => when(a) - when(b))
    .slice(0, mostAsked)
}

async function ask(
  peers: readonly RankedSource[],
  wanted: ReadonlySet<Digest>,
  holdings: Map<string, ReadonlySet<Digest>>,
  faults: Faults,
  gathering: Gathering,
  signal: AbortSignal,
): Promise<void> {
  const onFault = ({ name }: RankedSource, error: unknown): void => {
    faults.set(name, error)
    gathering.standing.failed(name, error)
  }
  const onAnswer = ({ name }: RankedSource, held: ReadonlySet<Digest>): void => {
    holdings.set(name, held)
    if (held.size > 0) gathering.lackedAt.delete(name)
    else gathering.lackedAt.set(name, gathering.clock.now())
  }
  await survey(peers, [...wanted], { onAnswer, onFault }, gathering, signal)
}

async function fetchFrom(
  from: RankedSource,
  wanted: Set<Digest>,
  held: ReadonlySet<Digest> | undefined,
  faults: Faults,
  gathering: Gathering,
  signal: AbortSignal,
): Promise<void> {
  const { standing, take } = gathering
  const all = [...wanted].filter((digest) => held?.has(digest) !== false)
  const part = all.slice(0, partChunks(standing.knows(from.name).rate))
  const takeIt = async (run: Run): Promise<void> => {
    await take(run, from)
    for (const { digest } of run.entries) wanted.delete(digest)
  }
  try {
    await fetchPart(from, part, takeIt, gathering, signal)
  } catch (error) {
    signal.throwIfAborted()
    faults.set(from.name, error)
    standing.failed(from.name, error)
  }
}

function lacks(wanted: ReadonlySet<Digest>): Failure {
  return missing('CHUNK_NOT_FOUND', `it lacks ${wanted.size} of them`)
}

/** One reason stands for all if they agree: a chunk that no source holds is missing rather than out of reach. */
function nobodyHas(wanted: ReadonlySet<Digest>, faults: ReadonlyMap<string, unknown>): Failure {
  const [first = ''] = wanted
  const told = [...faults].map(([name, fault]) => `${name}: ${messageOf(fault)}`)
  const why = told.length === 0 ? 'there is no source' : told.join('; ')
  const text = `${wanted.size} chunks could not be fetched: ${why}`
  const facts = { count: String(wanted.size), first, sources: [...faults.keys()].join(' ') }
  const causes = [...faults.values()]
  const cause = causes.at(-1)
  const lacking =
    causes.length > 0 && causes.every((c) => c instanceof Failure && c.reason === 'CHUNK_NOT_FOUND')
  return lacking
    ? missing('CHUNK_NOT_FOUND', text, facts, cause)
    : unavailable('UNREACHABLE', text, facts, cause)
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
}
