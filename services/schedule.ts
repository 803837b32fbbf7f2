import { invalid, type Failure } from '../lib/failure.ts'
import { shown } from '../lib/names/name.ts'
import { flawOfCron, isTimeZone, nextTimes } from '../lib/recipes/schedule.ts'

/** When something is done by itself, as it is kept: an empty cron is never. */
export interface Schedule {
  readonly cron: string
  readonly zone: string
}

/** Reads a schedule as it was sent, or throws INVALID_FIELD. */
export function parseSchedule(given: {
  readonly cron: string
  readonly timeZone: string
}): Schedule {
  const cron = given.cron.trim().split(/\s+/).join(' ')
  const zone = given.timeZone === '' ? 'UTC' : given.timeZone
  if (!isTimeZone(zone)) {
    throw wrong('time_zone', `"${shown(zone)}" is no time zone: write one as in Europe/Berlin.`)
  }
  const flaw = cron === '' ? undefined : flawOfCron(cron)
  if (flaw !== undefined) throw wrong('cron', `cron "${shown(cron)}" ${flaw}.`)
  return { cron, zone }
}

/** When it comes next after a moment; null where it does not. */
export function nextOf({ cron, zone }: Schedule, after: Date): Date | null {
  if (cron === '') return null
  return nextTimes({ cron, timeZone: zone }, after, 1)[0] ?? null
}

function wrong(field: string, text: string): Failure {
  return invalid('INVALID_FIELD', text, { field })
}
