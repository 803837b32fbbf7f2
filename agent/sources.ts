import { openStanding, type Standing } from '../lib/chunks/standing.ts'
import type { World } from '../lib/service.ts'

/** How sources did since the agent started; that one sits out is told in the log. */
export function rememberSources({
  log,
  clock,
  now,
  newUuid,
}: Pick<World, 'log' | 'clock' | 'now' | 'newUuid'>): Standing {
  return openStanding({
    now: clock,
    chance: () => Number.parseInt(newUuid().slice(0, 8), 16) / 2 ** 32,
    onRest: ({ name: source, fault, restMs, reason }) => {
      const until = new Date(now().getTime() + restMs).toISOString()
      log.warn({ source, fault, until, reason }, 'source sits out')
    },
  })
}
