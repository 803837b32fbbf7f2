import { isOver } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { daysAfter } from '../../lib/retention/calendar.ts'
import { expireCustom } from '../images/custom.ts'
import { deprecateDue } from '../images/deprecating.ts'
import { applyItems, type ApplyingDeps } from './applying.ts'
import { forgetPlans } from './runs.ts'
import { planDue, type SchedulesDeps } from './schedules.ts'

export type KeepingDeps = ApplyingDeps & SchedulesDeps

const everyMs = 2_000
const applyEveryMs = 500
const forgetEveryMs = 600_000
const planDays = 7

/**
 * Does what becomes due in the lives of images and nobody asks for, for ever: what was planned for single images, what schedules plan, and
 * what is being carried out. Each look goes by what is there, so that one that was missed is made up by the next.
 */
export async function keepLives(deps: KeepingDeps, signal: AbortSignal): Promise<void> {
  const again = (duty: () => Promise<void>, ms: number) => repeat(deps, duty, ms, signal)
  await Promise.all([
    again(() => deprecate(deps), everyMs),
    again(() => expire(deps), everyMs),
    again(() => planDue(deps), everyMs),
    again(() => applyItems(deps, signal), applyEveryMs),
    again(() => forgetPlans(deps.sql, daysAfter(deps.now(), -planDays)), forgetEveryMs),
  ])
}

async function repeat(
  { log }: KeepingDeps,
  duty: () => Promise<void>,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  while (!isOver(signal)) {
    await duty().catch((error: unknown) => {
      if (!isOver(signal)) log.warn({ err: error }, 'images could not be looked after')
    })
    await sleep(ms, signal).catch(() => undefined)
  }
}

async function deprecate({ sql, log }: KeepingDeps): Promise<void> {
  const images = await deprecateDue(sql)
  if (images.length > 0) log.info({ images }, 'images deprecated as planned')
}

async function expire({ sql, log, now }: KeepingDeps): Promise<void> {
  const images = await expireCustom(sql, now())
  if (images.length > 0) log.info({ images }, 'custom images expired')
}
