import { Failure } from '../../lib/failure.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import {
  ResolverServiceService,
  type CreateLockRequest,
  type CreateLockResponse,
  type LockNode,
} from '../../proto/gen/merge/image/v1/resolver.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { insertHolds } from '../holds/queries.ts'
import { demandShort } from '../remark.ts'
import type { Answered, Resolver } from '../resolver/resolving.ts'
import { failureOf, parseNodes } from './nodes.ts'
import { whyUnusable } from './pins.ts'
import { holdStandings, insertLock, type LockRow, type PinRow } from './queries.ts'
import { renderLock } from './render.ts'
import { resolveNodes, type Resolved } from './resolved.ts'

export interface LockDeps {
  readonly sql: Sql
  readonly now: () => Date
  readonly newUlid: () => string
  readonly resolver: Resolver
}

/** How often what was resolved may have changed before it is kept. */
const attempts = 2

/**
 * Resolves before the transaction, which then makes sure that nothing was withdrawn meanwhile. A reference that fails
 * does so inside it, so that a request sent again answers as it did when it took effect.
 */
export async function createLock(
  deps: LockDeps,
  request: CreateLockRequest,
  caller: Caller,
): Promise<CreateLockResponse> {
  const { sql, resolver } = deps
  const nodes = parseNodes(request.nodes)
  demandShort({ reason: request.reason, link: request.link })
  for (let left = attempts; ; left--) {
    const resolved = await resolveNodes(resolver, nodes, request.facility)
    let overtaken: Failure | undefined
    try {
      return await once(sql, ResolverServiceService.createLock, caller, request, async (tx) => {
        const pins = demandAll(resolved)
        overtaken = await firstOvertaken(tx, pins)
        if (overtaken !== undefined) throw overtaken
        return keepLock(tx, deps, { ...request, owner: caller.name }, resolved.generation, pins)
      })
    } catch (error) {
      if (error !== overtaken || left === 1) throw error
    }
  }
}

interface Pin extends PinRow {
  readonly warnings: Answered['warnings']
}

/** An image for each node, or the failure of the first that has none. */
function demandAll({ answers }: Resolved<LockNode>): readonly Pin[] {
  const pins: Pin[] = []
  const failures: { readonly node: string; readonly failure: Failure }[] = []
  for (const { node, answer } of answers) {
    if (answer instanceof Failure) failures.push({ node: node.node, failure: answer })
    else pins.push({ ...node, ...answer, image: answer.name, digest: hexOf(answer.digest) })
  }
  const [first] = failures
  if (first !== undefined) throw failureOf(first.node, first.failure, failures.length - 1)
  return pins
}

/** The failure of the first pin that no longer holds; from here on no image changes until the transaction ends. */
async function firstOvertaken(
  tx: Transaction,
  pins: readonly PinRow[],
): Promise<Failure | undefined> {
  const standings = await holdStandings(tx, distinct(pins.map(({ image }) => image)))
  const failures = pins.flatMap(({ node, image, digest }) => {
    const failure = whyUnusable(standings.get(image), digest)
    return failure === undefined ? [] : [{ node, failure }]
  })
  const [first] = failures
  return first && failureOf(first.node, first.failure, failures.length - 1)
}

async function keepLock(
  tx: Transaction,
  { now, newUlid }: LockDeps,
  { owner, reason, link }: Pick<LockRow, 'owner' | 'reason' | 'link'>,
  generation: bigint,
  pins: readonly Pin[],
): Promise<CreateLockResponse> {
  const lock = { id: newUlid(), generation, owner, reason, link, createTime: now() }
  await insertLock(tx, lock, pins)
  const images = distinct(pins.map(({ image }) => image))
  const { id, createTime } = lock
  await insertHolds(
    tx,
    { kind: 'lock', owner, reason, link, lock: id, createTime, expireTime: null },
    images.map((image) => ({ id: newUlid(), image })),
  )
  const warnings = pins.flatMap(({ node, warnings }) =>
    warnings.map(({ code, message }) => ({ node, code, message })),
  )
  return { lock: renderLock(lock, pins), warnings }
}

function hexOf(digest: string): string {
  return digest.replace(/^sha256:/, '')
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)]
}
