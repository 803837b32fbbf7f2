import { Cron } from 'croner'

/** When a recipe is built. */
export interface Times {
  /** Five fields, as cron has them. */
  readonly cron: string
  /** As the tz database names it. */
  readonly timeZone: string
}

/** The next times after one, in order; all there are, if there are fewer. */
export function nextTimes({ cron, timeZone }: Times, after: Date, count: number): Date[] {
  return new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true }).nextRuns(count, after)
}

/** How a recipe's schedule stands. */
export interface Standing {
  /** The time that is due next; undefined where none is. */
  readonly nextTime: Date | undefined
  /** Whether a build of the recipe waits or runs. */
  readonly busy: boolean
}

/** What a schedule wants now. */
export type Due =
  | { readonly kind: 'wait' }
  /** Build for this time, and look again at the next; the times between, which nobody built for, are passed by. */
  | { readonly kind: 'build'; readonly forTime: Date; readonly next: Date | undefined }

/**
 * Whether to build now. What was missed is built once, whether one time passed or a hundred; while a build is not over yet,
 * the next one waits for it.
 */
export function whatIsDue(times: Times, { nextTime, busy }: Standing, now: Date): Due {
  if (nextTime === undefined || nextTime > now || busy) return { kind: 'wait' }
  const [next] = nextTimes(times, now, 1)
  return { kind: 'build', forTime: nextTime, next }
}

/** What is to be said of a recipe after a build failed: why its schedule is paused, or nothing. */
export function whyPaused(failures: number, pauseAfter: number, message: string): string {
  if (pauseAfter === 0 || failures < pauseAfter) return ''
  return failures === 1
    ? `The last build failed: ${message}`
    : `${failures} builds failed in a row, the last one so: ${message}`
}

/** Two times of a schedule are at least so far apart. */
const closestMs = 10 * 60_000
/** Enough to see every hour of a day and every day of a week, at the closest. */
const looked = 300
/** Any time would do: a schedule is the same in all years. */
const someTime = new Date('2026-01-01T00:00:00Z')

/** What is wrong with a pattern; undefined where it can be kept to. */
export function flawOfCron(cron: string): string | undefined {
  if (cron.trim().split(/\s+/).length !== 5) {
    return 'needs five fields: minute, hour, day of the month, month, day of the week, as in "0 3 1 */3 *"'
  }
  if (cron.includes('?')) return 'needs "*" in place of "?"'
  const times = readTimes(cron)
  if (typeof times === 'string') return times
  if (times.length === 0) return 'never comes: no month has such a day'
  const isTooClose = times.some((time, i) => {
    const before = times[i - 1]
    return before !== undefined && time.getTime() - before.getTime() < closestMs
  })
  return isTooClose ? `needs ${closestMs / 60_000} minutes between two builds at least` : undefined
}

function readTimes(cron: string): Date[] | string {
  try {
    return nextTimes({ cron, timeZone: 'UTC' }, someTime, looked)
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)
    return `is no time of cron: ${why}`
  }
}

/** Whether there is such a time zone. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,60}$/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** The names to choose from. */
export function timeZones(): readonly string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')]
}
