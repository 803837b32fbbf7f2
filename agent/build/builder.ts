import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from '../../lib/chunks/clock.ts'
import type { BuilderName } from '../../lib/recipes/recipe.ts'
import { ClaimBuildRequest, type ClaimBuildResponse } from '../../proto/gen/merge/image/v1/build.ts'
import { BuilderKind } from '../../proto/gen/merge/image/v1/recipe.ts'
import type { Publisher } from '../publishing.ts'
import type { Upstream } from '../upstream.ts'
import { sweep } from './leftovers.ts'
import type { Machine } from './machine.ts'
import { patiently, untilDone } from './patience.ts'
import { usedIn } from './room.ts'
import { workOn } from './work.ts'

export interface BuilderDeps {
  readonly facility: string
  /** Which of the facility's builders this is, over restarts too. */
  readonly worker: string
  readonly builders: readonly BuilderName[]
  /** Where builds have their folders; what is in it is the builder's own. */
  readonly folder: string
  /** Where downloaded packages are kept. */
  readonly cache: string
  /** What must stay free on that disk. */
  readonly reserveBytes: number
  readonly machine: Machine
  readonly upstream: Pick<Upstream, 'builds' | 'resolver'>
  readonly publisher: Publisher
  readonly log: Logger
  readonly clock: Clock
  readonly now: () => Date
  readonly newUuid: () => string
}

const kinds: Readonly<Record<BuilderName, BuilderKind>> = {
  mmdebstrap: BuilderKind.BUILDER_KIND_MMDEBSTRAP,
  dnf: BuilderKind.BUILDER_KIND_DNF,
  command: BuilderKind.BUILDER_KIND_COMMAND,
}

const waitSeconds = 20

/** Builds for the facility, so many at a time, for ever; what died builders left is gone before the first. */
export async function keepBuilding(
  slots: number,
  deps: BuilderDeps,
  signal: AbortSignal,
): Promise<void> {
  const { folder, cache, log } = deps
  await untilDone('making room for builds', () => sweep(folder, deps, signal), deps, signal)
  if (signal.aborted) return
  await mkdir(folder, { recursive: true, mode: 0o711 })
  await mkdir(cache, { recursive: true })
  await trim(cache)
  log.info({ builders: deps.builders, slots }, 'builder ready')
  const workers = Array.from({ length: slots }, (_, i) => `${deps.worker}-${i + 1}`)
  const busy = new Set<string>()
  await Promise.all(workers.map((worker) => keepWorking({ ...deps, worker }, busy, signal)))
}

/** One build after another; `busy` are those of all workers. */
async function keepWorking(
  deps: BuilderDeps,
  busy: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await untilDone(
      'building',
      async () => {
        const claim = deps.newUuid()
        const claimed = await claimNext(claim, deps, signal)
        if (claimed.build === undefined) return
        if (busy.size === 0) await trim(deps.cache)
        busy.add(claim)
        const folder = join(deps.folder, claim)
        await workOn(claim, claimed, { ...deps, folder }, signal).finally(() => busy.delete(claim))
      },
      deps,
      signal,
    )
  }
}

const mostCacheBytes = 8 * 1024 ** 3

/** Empties a cache that has grown too large, while nobody builds with it. */
async function trim(cache: string): Promise<void> {
  if ((await usedIn(cache)) <= mostCacheBytes) return
  for (const name of await readdir(cache)) {
    await rm(join(cache, name), { recursive: true, force: true })
  }
}

async function claimNext(
  claim: string,
  { facility, worker, builders, machine, upstream, clock }: BuilderDeps,
  signal: AbortSignal,
): Promise<ClaimBuildResponse> {
  const request = ClaimBuildRequest.create({
    ...{ facility, claim, worker, waitSeconds },
    kinds: builders.map((builder) => kinds[builder]),
    archs: [machine.arch],
  })
  // The same claim again gets the build that it got, if the answer was lost.
  return patiently(() => upstream.builds.claimBuild(request, { signal }), clock, signal)
}
