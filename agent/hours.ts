import { isOver, nobodyWaits } from '../lib/chunks/abort.ts'
import type { Clock } from '../lib/chunks/clock.ts'
import { stopped } from '../lib/failure.ts'
import { type DayWindow, untilCloseMs, untilOpenMs } from '../lib/window.ts'

/** When images may be fetched. */
export interface Hours {
  /** When they may be again; undefined if they may now. */
  opensAt(): Date | undefined
  /** Aborts when they may not any more; disposed of when nobody asks. */
  closing(): Closing
}

export interface Closing extends Disposable {
  readonly signal: AbortSignal
}

/** The clock of the day may be set while we wait, so it is looked at again and again. */
export const lookMs = 1_000

export function hoursOf(window: DayWindow | undefined, now: () => Date, clock: Clock): Hours {
  return {
    opensAt() {
      if (window === undefined) return undefined
      const at = now()
      const ms = untilOpenMs(window, at)
      return ms === 0 ? undefined : new Date(at.getTime() + ms)
    },
    closing() {
      const closed = new AbortController()
      const done = new AbortController()
      if (window !== undefined) {
        const close = (): void => {
          closed.abort(stopped('STOPPED', 'the hours in which images are fetched are over'))
        }
        void closes(window, now, clock, done.signal).then(close, () => undefined)
      }
      return {
        signal: closed.signal,
        [Symbol.dispose]: () => {
          done.abort(nobodyWaits)
        },
      }
    },
  }
}

async function closes(
  window: DayWindow,
  now: () => Date,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!isOver(signal) && untilOpenMs(window, now()) === 0) {
    await clock.sleep(Math.min(untilCloseMs(window, now()), lookMs), signal)
  }
}
