import type { Logger } from 'pino'
import { isOver, unlessAborted } from './abort.ts'
import { Failure } from '../failure.ts'
import type { CollectableIndex } from './collectable.ts'
import { type DamageLog, noCounts, type ScrubCounts } from './damage.ts'
import { repair, type RepairDeps } from './repair.ts'
import { rewritePacks } from './rewrite.ts'
import { isRot, type PackSeen, scrub, type ScrubDeps } from './scrub.ts'

/** How a pass stands. */
export interface ScrubProgress extends Omit<PackSeen, 'pack' | 'bytes' | 'flawed' | 'damaged'> {
  readonly counts: ScrubCounts
}

/** What a pass that ended came to. */
export interface ScrubReport extends ScrubCounts {
  /** Milliseconds since 1970. */
  readonly endedAt: number
}

type Tell = (progress: ScrubProgress) => void

/** Finds rot and repairs it, one pass at a time. */
export interface Scrubber {
  /** Follows the pass that is under way, or ends the one that was begun, or makes a whole one. */
  run(signal: AbortSignal, tell?: Tell): Promise<ScrubReport>
  /** A pass every `everyMs`, over restarts, until the signal aborts; not at all if that is 0. */
  keepOn(everyMs: number, signal: AbortSignal): Promise<void>
}

export interface ScrubberDeps extends ScrubDeps, RepairDeps {
  readonly index: CollectableIndex
  readonly damage: DamageLog
  readonly newId: () => string
  readonly now: () => Date
  readonly log: Logger
}

/** How often a scrubber looks whether a pass is due, and what was found is mended. */
const lookMs = 60_000

export function scrubber(deps: ScrubberDeps): Scrubber {
  const running = oneAtATime(deps)
  return {
    run: running.follow,
    async keepOn(everyMs, signal) {
      if (everyMs <= 0) return
      while (!signal.aborted) {
        await deps.clock.sleep(Math.min(everyMs, lookMs), signal).catch(() => undefined)
        if (isOver(signal)) return
        await runIfDue(everyMs, deps, running, signal).catch((error: unknown) => {
          if (isOver(signal)) return
          const told = error instanceof Failure ? { error: error.message } : { err: error }
          deps.log.warn(told, 'scrub failed, and will go on from there')
        })
      }
    },
  }
}

type Running = ReturnType<typeof oneAtATime>

/** Passes and what goes on between them, one after another; whoever asks for a pass meanwhile follows that. */
function oneAtATime(deps: ScrubberDeps) {
  let last: Promise<unknown> = Promise.resolve()
  let current: { report: Promise<ScrubReport>; hearers: Set<Tell>; by: AbortSignal } | undefined
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
  const begin = (by: AbortSignal) => {
    const hearers = new Set<Tell>()
    const tell = (progress: ScrubProgress): void => {
      for (const hear of hearers) hear(progress)
    }
    const report = inTurn(() => pass(deps, tell, by)).finally(() => {
      current = undefined
    })
    return { report, hearers, by }
  }
  const follow = async (
    signal: AbortSignal,
    tell: Tell = () => undefined,
  ): Promise<ScrubReport> => {
    for (;;) {
      const { report, hearers, by } = (current ??= begin(signal))
      hearers.add(tell)
      try {
        return await (by === signal ? report : unlessAborted(report, signal))
      } catch (error) {
        signal.throwIfAborted()
        // Whoever began it gave up: this one goes on from there.
        if (!isOver(by)) throw error
      } finally {
        hearers.delete(tell)
      }
    }
  }
  return { inTurn, follow }
}

/** Between two passes, what nobody could give is asked for again. */
async function runIfDue(
  everyMs: number,
  deps: ScrubberDeps,
  { inTurn, follow }: Running,
  signal: AbortSignal,
): Promise<void> {
  const place = await deps.damage.place()
  const { after, endedAt } = place
  const now = deps.now().getTime()
  // What is new was verified when it came: the first pass is as far off as any other.
  if (after === '' && endedAt === 0) await deps.damage.keepPlace({ ...place, endedAt: now })
  else if (after !== '' || endedAt + everyMs <= now) await follow(signal)
  else await inTurn(() => mend([], deps, signal))
}

/** What is found is mended once a minute and at the end; the place moves on once that is done. */
async function pass(deps: ScrubberDeps, tell: Tell, signal: AbortSignal): Promise<ScrubReport> {
  const { damage, clock, now, log } = deps
  const begun = await damage.place()
  let counts = begun.after === '' ? noCounts : begun.soFar
  let kept = { after: begun.after, packs: counts.packs, bytes: counts.bytes }
  let flawed: string[] = []
  let mendedAt = clock.now()
  const mendNow = async (): Promise<void> => {
    const { repaired, left } = await mend(flawed, deps, signal)
    flawed = []
    mendedAt = clock.now()
    counts = { ...counts, repaired: counts.repaired + repaired, left }
  }
  for await (const { pack, bytes, damaged, flawed: isFlawed, ...far } of scrub(
    begun.after,
    deps,
    signal,
  )) {
    counts = addTo(counts, bytes, damaged)
    if (isFlawed) flawed.push(pack)
    tell({ ...far, counts })
    if (flawed.length > 0 && clock.now() - mendedAt >= lookMs) await mendNow()
    if (flawed.length === 0) kept = { after: pack, packs: counts.packs, bytes: counts.bytes }
    const { after, ...known } = kept
    await damage.keepPlace({ ...begun, after, soFar: { ...counts, ...known } })
  }
  await mendNow()
  const endedAt = now().getTime()
  await damage.keepPlace({ after: '', endedAt, soFar: noCounts, last: counts })
  log[counts.left > 0 ? 'warn' : 'info'](counts, 'scrubbed')
  return { ...counts, endedAt }
}

function addTo(counts: ScrubCounts, bytes: number, damaged: number): ScrubCounts {
  return {
    ...counts,
    packs: counts.packs + 1,
    bytes: counts.bytes + bytes,
    damaged: counts.damaged + damaged,
    left: counts.left + damaged,
  }
}

/** Good copies first; then what is good in a pack with a flaw moves to a new one, and the pack goes. */
async function mend(
  flawed: readonly string[],
  deps: ScrubberDeps,
  signal: AbortSignal,
): Promise<{ repaired: number; left: number }> {
  const broken = await deps.damage.left()
  const left = broken.length === 0 ? [] : await repair(broken, deps, signal)
  const packs = new Set([...flawed, ...(await deps.damage.packs())])
  for (const pack of packs) {
    await rewritePacks([pack], deps, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      // It keeps what nobody has given yet.
      if (!isRot(error)) throw error
    })
  }
  return { repaired: broken.length - left.length, left: left.length }
}
