import { isDeepStrictEqual } from 'node:util'
import { isOver, nobodyWaits } from '../lib/chunks/abort.ts'
import { stopped } from '../lib/failure.ts'
import { lookMs, type Closing } from './hours.ts'
import { mayGoOn, planSync, type Fetch, type Plan } from './plan.ts'
import type { SyncDeps } from './sync.ts'
import type { Transfers } from './transfers.ts'

type TurnDeps = Pick<SyncDeps, 'state' | 'images' | 'clock' | 'now'>

/** What is to be fetched now; what waits for its terms is noted for whoever asks. */
export function planNow({ state, images, clock, now }: TurnDeps): Plan {
  const here = new Set(images.names())
  const moment = { clock: clock.now(), date: now() }
  const plan = planSync(state.desired.images, here, notBefore(state.transfers), moment)
  if (!isDeepStrictEqual(plan.waits, state.waits)) {
    state.waits = plan.waits
    state.bell.ring()
  }
  return plan
}

/** Aborts once a fetch may not go on: its hours are over, its rules say something else, or it makes way. */
export function turnOf(fetch: Fetch, deps: TurnDeps): Closing {
  const over = new AbortController()
  const done = new AbortController()
  const end = (): void => {
    over.abort(stopped('STOPPED', 'the turn of the image is over'))
  }
  void ends(fetch, deps, done.signal).then(end, () => undefined)
  return {
    signal: over.signal,
    [Symbol.dispose]: () => {
      done.abort(nobodyWaits)
    },
  }
}

/** Looks again and again: hours pass, and the clock of the day may be set. */
async function ends(fetch: Fetch, deps: TurnDeps, signal: AbortSignal): Promise<void> {
  while (!isOver(signal) && mayGoOn(fetch, planNow(deps))) await deps.clock.sleep(lookMs, signal)
}

function notBefore(transfers: Transfers): Map<string, number> {
  return new Map([...transfers].map(([name, { retryAt }]) => [name, retryAt ?? 0]))
}
