import type { Logger } from 'pino'
import { unidentified, type Failure } from '../../lib/failure.ts'
import type { Caller, Credential } from '../../lib/rpc/caller.ts'
import { certificateId } from '../../lib/rpc/security.ts'
import type { AccessNews } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { revokedSerials } from './issued.ts'
import { allGrants, allRobots, type GrantRow, type RobotRow } from './queries.ts'

/** Who is somebody at this moment, as the database had it a moment ago. */
export interface Standing {
  /** Whose token has this hash. */
  robot(secretHash: Buffer): Promise<RobotRow | undefined>
  /** The same, as it was read last. */
  known(secretHash: Buffer): RobotRow | undefined
  grants(): readonly GrantRow[]
  /** Throws if what the caller showed counts no more. */
  demand(credential: Credential): void
  /** Ends a call once what its caller showed counts no more. */
  readonly watch: (caller: Caller, end: (failure: Failure) => void) => Disposable
  /** Reads again: what was changed before counts afterwards. */
  refresh(): Promise<void>
  /** Reads again whenever somebody says so, and every few seconds. */
  keepOn(signal: AbortSignal): Promise<void>
}

interface Known {
  readonly robots: ReadonlyMap<string, RobotRow>
  readonly grants: readonly GrantRow[]
  /** As `certificate:SERIAL`. */
  readonly revoked: ReadonlySet<string>
}

interface Live {
  readonly credential: Credential
  readonly end: (failure: Failure) => void
}

/** News can be lost, so nobody is taken for somebody longer than this. */
const pollMs = 2_000

export async function openStanding(deps: {
  readonly sql: Sql
  readonly news: AccessNews
  readonly now: () => Date
  readonly log: Logger
}): Promise<Standing> {
  const { sql, news, now, log } = deps
  const live = new Set<Live>()
  let known = await readKnown(sql, now())
  let reading: Promise<void> | undefined
  const demand = (credential: Credential): void => {
    const failure = faultOf(credential, known.revoked, now())
    if (failure !== undefined) throw failure
  }
  const read = async (): Promise<void> => {
    known = await readKnown(sql, now())
    for (const { credential, end } of live) {
      const failure = faultOf(credential, known.revoked, now())
      if (failure !== undefined) end(failure)
    }
  }
  /** One read at a time; who comes during one waits for the next, which sees all that was before it. */
  const refresh = async (): Promise<void> => {
    await reading?.catch(() => undefined)
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
  return {
    demand,
    refresh,
    grants: () => known.grants,
    known: (secretHash) => known.robots.get(secretHash.toString('hex')),
    async robot(secretHash) {
      const hash = secretHash.toString('hex')
      // Another portal may have made it a moment ago.
      if (!known.robots.has(hash)) await refresh()
      return known.robots.get(hash)
    },
    watch: ({ credential }, end) => {
      const one = { credential, end }
      if (isLive(one)) live.add(one)
      return { [Symbol.dispose]: () => void live.delete(one as Live) }
    },
    async keepOn(signal) {
      while (!signal.aborted) {
        await news.next(pollMs, signal)
        await refresh().catch((error: unknown) => {
          log.warn({ err: error }, 'who is revoked could not be read; what was known counts')
        })
      }
    },
  }
}

function isLive(one: { readonly credential: Credential | undefined }): one is Live {
  return one.credential !== undefined
}

function faultOf(
  { id, expires, holds }: Credential,
  revoked: ReadonlySet<string>,
  now: Date,
): Failure | undefined {
  if (revoked.has(id) || holds?.() === false) {
    return unidentified('CREDENTIAL_REVOKED', 'What the caller showed was revoked: ask an admin.')
  }
  if (expires > now) return undefined
  return unidentified(
    'NOT_IDENTIFIED',
    `What the caller showed ran out on ${expires.toISOString()}.`,
  )
}

async function readKnown(sql: Sql, now: Date): Promise<Known> {
  const [robots, grants, serials] = await Promise.all([
    allRobots(sql),
    allGrants(sql),
    revokedSerials(sql, now),
  ])
  return {
    robots: new Map(robots.map((robot) => [robot.secretHash.toString('hex'), robot])),
    grants,
    revoked: new Set(serials.map(certificateId)),
  }
}
