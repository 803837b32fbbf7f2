import { X509Certificate } from 'node:crypto'
import type { Logger } from 'pino'
import { Failure } from '../../lib/failure.ts'
import { isOver } from '../../lib/chunks/abort.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import { keepIdentity, readIdentity } from '../../lib/identity/kept.ts'
import type { Renewable } from '../../lib/rpc/shown.ts'
import type { Upstream } from '../upstream.ts'

export interface RenewingDeps {
  readonly data: string
  readonly facility: string
  /** Undefined for an agent that did not join: somebody else sees to its certificates. */
  readonly shown: Renewable | undefined
  readonly upstream: Pick<Upstream, 'agents'>
  readonly clock: Clock
  readonly now: () => Date
  readonly newUuid: () => string
  readonly log: Logger
}

const retryMs = 30_000

/** Gets a new certificate at half the life of the one that is shown; transfers go on meanwhile. */
export async function keepRenewing(deps: RenewingDeps, signal: AbortSignal): Promise<void> {
  const { shown, clock, now, log } = deps
  if (shown === undefined) return
  let wait = untilHalf(shown.current().chain, now())
  for (;;) {
    await clock.sleep(Math.max(wait, 0), signal).catch(() => undefined)
    if (isOver(signal)) return
    try {
      const expireTime = await renew(shown, deps, signal)
      log.info({ expireTime }, 'certificate renewed')
      wait = untilHalf(shown.current().chain, now())
    } catch (error) {
      if (isOver(signal)) return
      const why = error instanceof Failure ? { error: error.message } : { err: error }
      log.warn(why, 'the certificate could not be renewed')
      wait = Math.min(retryMs, Math.max(lifeLeft(shown.current().chain, now()) / 10, 100))
    }
  }
}

async function renew(shown: Renewable, deps: RenewingDeps, signal: AbortSignal): Promise<string> {
  const { data, facility, upstream, now, newUuid } = deps
  // What only this needs takes 20 MB.
  const { makeRequest } = await import('../../lib/identity/request.ts')
  const { key, request: certificateRequest } = await makeRequest()
  const request = { requestId: newUuid(), facility, certificateRequest }
  const { certificate, authorities } = await upstream.agents.renewCertificate(request, { signal })
  await keepIdentity(data, { key, certificate, authorities })
  const kept = await readIdentity(data, now())
  if (kept === undefined) throw new Error(`what was written to ${data} is not there`)
  shown.show(kept.certified)
  return new X509Certificate(kept.certified.chain).validTo
}

/** How long until half of its life is over; it is made valid from an hour before it is issued. */
function untilHalf(chain: Buffer, now: Date): number {
  const { validFrom, validTo } = new X509Certificate(chain)
  const hourMs = 3_600_000
  const issued = Math.max(Date.parse(validFrom) + hourMs, 0)
  return (issued + Date.parse(validTo)) / 2 - now.getTime()
}

function lifeLeft(chain: Buffer, now: Date): number {
  return Date.parse(new X509Certificate(chain).validTo) - now.getTime()
}
