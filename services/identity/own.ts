import { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { isOver } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Logger } from 'pino'
import type { Authority } from '../../lib/identity/authority.ts'
import { untilRenewal } from '../../lib/identity/renewal.ts'
import { makeRequest, readRequest } from '../../lib/identity/request.ts'
import type { Certified } from '../../lib/rpc/certified.ts'
import { renewable, type Renewable } from '../../lib/rpc/shown.ts'
import type { Sql } from '../db/open.ts'
import { lifetimeFrom, serialOf } from './authority.ts'
import { forgetBefore, insertCertificate } from './issued.ts'

export interface OwnDeps {
  readonly authority: Authority
  readonly sql: Sql
  /** The names and addresses by which others look for the portal. */
  readonly hosts: readonly string[]
  /** How long certificates are valid, in milliseconds. */
  readonly lifetimeMs: number
  readonly now: () => Date
  readonly log: Logger
  readonly newUuid: () => string
}

/** For how long what ran out can be listed: a year and a month, as tokens of robots last at most. */
const keptMs = 400 * 24 * 60 * 60 * 1000

/** What the portal shows: a certificate of its own authority. */
export async function showOwn(deps: OwnDeps): Promise<Renewable> {
  return renewable(await issueOwn(deps))
}

const retryMs = 30_000

/** Shows a new one at half the life of the last, by the clock on the wall. */
export async function keepRenewing(
  shown: Renewable,
  deps: OwnDeps,
  signal: AbortSignal,
): Promise<void> {
  const { now, log } = deps
  while (!signal.aborted) {
    await untilRenewal(shown.current().chain, { now, sleep }, signal)
    if (isOver(signal)) return
    try {
      shown.show(await issueOwn(deps))
    } catch (error) {
      log.warn({ err: error }, "the portal's certificate could not be renewed")
      await sleep(retryMs, signal).catch(() => undefined)
    }
  }
}

async function issueOwn({
  authority,
  sql,
  hosts,
  lifetimeMs,
  now,
  newUuid,
}: OwnDeps): Promise<Certified> {
  const { key, request } = await makeRequest()
  const [serial, createTime] = [serialOf(newUuid()), now()]
  const lifetime = lifetimeFrom(createTime, lifetimeMs)
  const publicKey = await readRequest(request)
  const names = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...hosts])]
  const der = await authority.issue({ path: 'portal', publicKey, serial, lifetime, hosts: names })
  const { notAfter: expireTime } = lifetime
  await forgetBefore(sql, new Date(createTime.getTime() - keptMs))
  await insertCertificate(sql, { serial, name: 'portal', facility: '', createTime, expireTime })
  // The authority goes along, so that who joins can compare it with the pin of its token.
  const chain = Buffer.from(
    `${new X509Certificate(der).toString()}${authority.certificate.toString()}`,
  )
  return { name: 'portal', domain: authority.domain, chain, key, authority: authority.certificate }
}
