import type { Logger } from 'pino'
import { isOver } from './abort.ts'
import { Failure } from '../failure.ts'
import type { CollectableIndex } from './collectable.ts'
import { repair, type RepairDeps } from './repair.ts'
import { rewritePacks } from './rewrite.ts'
import { isRot, scrub, type ScrubDeps } from './scrub.ts'

/** What a pass came to. */
export interface ScrubReport {
  readonly packs: number
  readonly bytes: number
  /** Chunks that this pass found damaged. */
  readonly damaged: number
  /** Chunks that a good copy was found for, those of earlier passes too. */
  readonly repaired: number
  /** Chunks that are damaged still: nobody who could be reached has them. */
  readonly left: number
}

/** Finds rot and repairs it, one pass at a time. */
export interface Scrubber {
  /** Ends the pass that was begun, or makes a whole one. */
  run(signal: AbortSignal): Promise<ScrubReport>
  /** A pass every `everyMs`, over restarts, until the signal aborts; not at all if that is 0. */
  keepOn(everyMs: number, signal: AbortSignal): Promise<void>
}

export interface ScrubberDeps extends ScrubDeps, RepairDeps {
  readonly index: CollectableIndex
  readonly newId: () => string
  readonly now: () => Date
  readonly log: Logger
}

const lookMs = 60_000

export function scrubber(deps: ScrubberDeps): Scrubber {
  let last: Promise<unknown> = Promise.resolve()
  const run = (signal: AbortSignal): Promise<ScrubReport> => {
    const mine = last.then(() => pass(deps, signal))
    last = mine.catch(() => undefined)
    return mine
  }
  return {
    run,
    async keepOn(everyMs, signal) {
      if (everyMs <= 0) return
      while (!signal.aborted) {
        await deps.clock.sleep(Math.min(everyMs, lookMs), signal).catch(() => undefined)
        if (isOver(signal)) return
        await runIfDue(everyMs, deps, run, signal).catch((error: unknown) => {
          if (isOver(signal)) return
          const told = error instanceof Failure ? { error: error.message } : { err: error }
          deps.log.warn(told, 'scrub failed, and will go on from there')
        })
      }
    },
  }
}

/** Between two passes, what nobody could give is asked for again. */
async function runIfDue(
  everyMs: number,
  deps: ScrubberDeps,
  run: Scrubber['run'],
  signal: AbortSignal,
): Promise<void> {
  const { after, endedAt } = await deps.damage.place()
  const now = deps.now().getTime()
  // What is new was verified when it came: the first pass is as far off as any other.
  if (after === '' && endedAt === 0) await deps.damage.keepPlace({ after, endedAt: now })
  else if (after !== '' || endedAt + everyMs <= now) await run(signal)
  else await mend([], deps, signal)
}

async function pass(deps: ScrubberDeps, signal: AbortSignal): Promise<ScrubReport> {
  const { damage, now, log } = deps
  const { after, endedAt } = await damage.place()
  const onPack = (pack: string) => damage.keepPlace({ after: pack, endedAt })
  const { flawed, ...seen } = await scrub(after, onPack, deps, signal)
  const mended = await mend(flawed, deps, signal)
  await damage.keepPlace({ after: '', endedAt: now().getTime() })
  const report = { ...seen, ...mended }
  log[report.left > 0 ? 'warn' : 'info'](report, 'scrubbed')
  return report
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
