import type { Logger } from 'pino'
import { Failure } from '../failure.ts'
import type { BlobStat } from './blobs.ts'
import type { Tally } from './collectable.ts'
import { rewritePacks, type RewriteDeps } from './rewrite.ts'
import { planOrphans, planPacks, type Strays } from './tidy.ts'

export interface CollectPolicy {
  /** How old a chunk is at least that is condemned. */
  readonly graceMs: number
  /** How long what is condemned can be brought back. */
  readonly undeleteMs: number
  /** How long a pack has to be without rows until it is nobody's. */
  readonly orphanMs: number
  /** A pack is rewritten when more of it than this share is nobody's. */
  readonly deadShare: number
  /** How large rewritten packs become. */
  readonly packBytes: number
}

/** What one cycle did, or, rehearsed, would do. */
export interface Collected {
  readonly condemned: Tally
  readonly revived: number
  readonly doomed: Tally
  readonly packsDeleted: number
  readonly packsRewritten: number
  readonly orphansDeleted: number
  /** What the store gave back, less what rewriting took. */
  readonly freedBytes: number
}

export interface CollectDeps extends RewriteDeps {
  readonly log: Logger
  readonly now: () => number
}

/**
 * One cycle: what was condemned long ago is doomed, packs that are empty or mostly so go, and so do orphans; what nothing needs is
 * condemned last, so that every chunk stays for one more cycle at least. Stopped anywhere, the next cycle goes on from there.
 */
export async function collect(
  policy: CollectPolicy,
  seen: Strays,
  deps: CollectDeps,
  signal: AbortSignal,
): Promise<{ readonly collected: Collected; readonly strays: Strays }> {
  const { index } = deps
  const doomed = await index.doom(policy.undeleteMs, false)
  const plan = planPacks(await index.packUse(policy.undeleteMs), policy.deadShare, policy.packBytes)
  const rewritten = await rewriteEach(
    plan.rewrite.map((group) => group.map(({ key }) => key)),
    deps,
    signal,
  )
  await index.doomPacks(plan.empty.map(({ key }) => key))
  const packs = await deleteDoomed(deps, signal)
  const { orphans, strays } = await findOrphans(policy.orphanMs, seen, deps, signal)
  for (const orphan of orphans) await index.claim(orphan)
  const swept = await deleteDoomed(deps, signal)
  const condemned = await index.condemn(policy.graceMs, false)
  const collected = {
    condemned,
    revived: index.takeRevived(),
    doomed,
    packsDeleted: packs.length,
    packsRewritten: rewritten.packs,
    orphansDeleted: swept.length,
    freedBytes: bytesOf([...packs, ...swept]) - bytesOf(rewritten.made),
  }
  return { collected, strays }
}

/** What `collect` would do now; nothing changes. */
export async function rehearseCollect(
  policy: CollectPolicy,
  seen: Strays,
  deps: CollectDeps,
  signal: AbortSignal,
): Promise<Collected> {
  const { index } = deps
  const doomed = await index.doom(policy.undeleteMs, true)
  const uses = await index.packUse(policy.undeleteMs)
  const { empty, rewrite, freedBytes } = planPacks(uses, policy.deadShare, policy.packBytes)
  const poor = rewrite.reduce((sum, group) => sum + group.length, 0)
  const waiting = await index.doomedPacks()
  const { orphans } = await findOrphans(policy.orphanMs, seen, deps, signal)
  return {
    condemned: await index.condemn(policy.graceMs, true),
    revived: 0,
    doomed,
    packsDeleted: empty.length + poor + waiting.length,
    packsRewritten: poor,
    orphansDeleted: orphans.length,
    freedBytes: freedBytes + bytesOf([...waiting, ...orphans]),
  }
}

/** A pack that cannot be read keeps those that go with it from nothing, and stays for the scrub. */
async function rewriteEach(
  groups: readonly (readonly string[])[],
  deps: CollectDeps,
  signal: AbortSignal,
): Promise<{ packs: number; made: BlobStat[] }> {
  const [made, waiting] = [[] as BlobStat[], [...groups]]
  let packs = 0
  for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
    try {
      const pack = await rewritePacks(group, deps, signal)
      if (pack !== undefined) made.push(pack)
      packs += group.length
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof Failure)) throw error
      if (group.length > 1) waiting.push(...group.map((pack) => [pack]))
      else deps.log.warn({ pack: group[0], error: error.message }, 'pack not rewritten')
    }
  }
  return { packs, made }
}

/** Deletes the packs that are doomed, and tells which these were. */
export async function deleteDoomed(
  { index, blobs }: Pick<CollectDeps, 'index' | 'blobs'>,
  signal: AbortSignal,
): Promise<BlobStat[]> {
  const doomed = await index.doomedPacks()
  for (const { key } of doomed) {
    await blobs.delete(key, signal)
    await index.deleted(key)
  }
  return doomed
}

const keysAtOnce = 1000

async function findOrphans(
  orphanMs: number,
  seen: Strays,
  { blobs, index, now }: CollectDeps,
  signal: AbortSignal,
): Promise<{ readonly orphans: readonly BlobStat[]; readonly strays: Strays }> {
  const found: BlobStat[] = []
  let page: BlobStat[] = []
  const check = async (): Promise<void> => {
    const unrecorded = new Set(await index.unrecorded(page.map(({ key }) => key)))
    found.push(...page.filter(({ key }) => unrecorded.has(key)))
    page = []
  }
  for await (const blob of blobs.list('packs/', signal)) {
    if (page.push(blob) === keysAtOnce) await check()
  }
  await check()
  return planOrphans(found, seen, now(), orphanMs)
}

function bytesOf(blobs: readonly BlobStat[]): number {
  return blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}
