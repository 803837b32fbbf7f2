import { X509Certificate } from 'node:crypto'
import type { Logger } from 'pino'
import { Failure } from '../../lib/failure.ts'
import { isOver } from '../../lib/chunks/abort.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import { keepIdentity, readIdentity } from '../../lib/identity/kept.ts'
import { lifeLeft, untilRenewal } from '../../lib/identity/renewal.ts'
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

/**
 * Gets a new certificate at half the life of the one that is shown; transfers go on meanwhile. Whoever joins again while this runs is taken
 * for what it joined as.
 */
export async function keepRenewing(deps: RenewingDeps, signal: AbortSignal): Promise<void> {
  const { shown, clock, now, log } = deps
  if (shown === undefined) return
  const wall = { now, sleep: (ms: number, over: AbortSignal) => clock.sleep(ms, over) }
  while (!isOver(signal)) {
    await untilRenewal(shown.current().chain, wall, signal)
    if (isOver(signal) || (await joinedAgain(shown, deps))) continue
    try {
      const expireTime = await renew(shown, deps, signal)
      log.info({ expireTime }, 'certificate renewed')
      continue
    } catch (error) {
      if (isOver(signal)) return
      const why = error instanceof Failure ? { error: error.message } : { err: error }
      const left = lifeLeft(shown.current().chain, now())
      log.warn(why, left > 0 ? 'the certificate could not be renewed' : ranOut)
      const wait = Math.min(retryMs, left > 0 ? Math.max(left / 10, 100) : retryMs)
      await clock.sleep(wait, signal).catch(() => undefined)
    }
  }
}

const ranOut =
  'the certificate ran out before it could be renewed: join again with "mrs-image join", and this goes on'

/** Takes what `mrs-image join` wrote since, if it did. */
async function joinedAgain(shown: Renewable, { data, now }: RenewingDeps): Promise<boolean> {
  const kept = await readIdentity(data, now()).catch(() => undefined)
  if (kept === undefined || kept.certified.chain.equals(shown.current().chain)) return false
  if (kept.certified.name !== shown.current().name) return false
  shown.show(kept.certified)
  return true
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
