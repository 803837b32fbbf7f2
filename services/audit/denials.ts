import type { Logger } from 'pino'
import type { DeniedCall } from '../../lib/rpc/serve.ts'
import type { Sql } from '../db/open.ts'
import { makeAllowance, type Admitted } from './allowance.ts'
import { draftOfDenial } from './draft.ts'
import { insertDraft } from './record.ts'

/** Writes down what is denied. */
export interface Denials extends AsyncDisposable {
  readonly denied: (call: DeniedCall) => void
}

const restMs = 60_000

/**
 * Writes denied attempts down beside the calls, one after another; nobody waits for it. Of a caller that goes on and on only some become
 * events, and the number of the others goes with the next; disposing of it writes what is left.
 */
export function writeDenials(deps: {
  readonly sql: Sql
  readonly clock: () => number
  readonly log: Logger
}): Denials {
  const { sql, clock, log } = deps
  const allowance = makeAllowance<DeniedCall>()
  let writing: Promise<void> = Promise.resolve()
  const write = ({ attempt, suppressed }: Admitted<DeniedCall>): void => {
    const draft = draftOfDenial(attempt, attempt.failure.message, suppressed)
    writing = writing
      .then(() => insertDraft(sql, draft))
      .catch((error: unknown) => {
        log.warn({ err: error, method: attempt.method }, 'a denied attempt could not be recorded')
      })
  }
  const writeRest = (isEnd: boolean): void => {
    for (const admitted of allowance.rest(clock(), isEnd)) write(admitted)
  }
  const timer = setInterval(() => {
    writeRest(false)
  }, restMs)
  return {
    denied: (call) => {
      const admitted = allowance.take(whoIs(call), call, clock())
      if (admitted !== undefined) write(admitted)
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      writeRest(true)
      await writing
    },
  }
}

/** Who did not say who it is, is known by its address; a new port is nobody new. */
function whoIs({ caller, peer }: DeniedCall): string {
  return caller === undefined ? `at ${peer.replace(/:\d+$/, '')}` : caller.name
}
