import type { Logger } from 'pino'
import { isOver } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Sql } from '../db/open.ts'
import { expireCustom } from '../images/custom.ts'
import { deprecateDue } from '../images/deprecating.ts'

export interface KeepingDeps {
  readonly sql: Sql
  readonly log: Logger
  readonly now: () => Date
}

const everyMs = 2_000

/**
 * Does what becomes due in the lives of images and nobody asks for, for ever. Each look goes by what is there, so that one that was
 * missed is made up by the next.
 */
export async function keepLives(deps: KeepingDeps, signal: AbortSignal): Promise<void> {
  const duties = [() => deprecate(deps), () => expire(deps)]
  while (!isOver(signal)) {
    for (const duty of duties) {
      await duty().catch((error: unknown) => {
        if (!isOver(signal)) deps.log.warn({ err: error }, 'images could not be looked after')
      })
    }
    await sleep(everyMs, signal).catch(() => undefined)
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
