import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from '../../lib/chunks/clock.ts'
import type { Place } from '../../lib/sources/place.ts'
import { ClaimBuildRequest } from '../../proto/gen/merge/image/v1/build.ts'
import { BuilderKind } from '../../proto/gen/merge/image/v1/recipe.ts'
import { patiently, untilDone } from '../build/patience.ts'
import type { Publisher } from '../publishing.ts'
import type { Upstream } from '../upstream.ts'
import { importOne } from './importing.ts'
import type { Origin } from './origin.ts'

export interface ImporterDeps {
  readonly facility: string
  /** Which of the facility's importers this is, over restarts too. */
  readonly worker: string
  /** Where what comes is staged; what is in it is the importer's own. */
  readonly folder: string
  /** What must stay free on that disk. */
  readonly reserveBytes: number
  readonly open: (place: Place, signal: AbortSignal) => Promise<Origin>
  readonly upstream: Pick<Upstream, 'builds' | 'sources'>
  readonly publisher: Publisher
  readonly log: Logger
  readonly clock: Clock
  readonly newUuid: () => string
}

const waitSeconds = 20
/** An importer runs nothing of what it fetches, so it need not be of that architecture. */
const archs = ['x86', 'aarch64', 'riscv64']

/** Imports for the facility, so many images at a time, for ever; what dead importers left is gone before the first. */
export async function keepImporting(
  slots: number,
  deps: ImporterDeps,
  signal: AbortSignal,
): Promise<void> {
  const { folder, log } = deps
  await untilDone('making room for imports', () => emptied(folder), deps, signal)
  log.info({ slots }, 'importer ready')
  const workers = Array.from({ length: slots }, (_, i) => `${deps.worker}-import-${i + 1}`)
  await Promise.all(workers.map((worker) => keepWorking({ ...deps, worker }, signal)))
}

async function emptied(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
}

/** One import after another. */
async function keepWorking(deps: ImporterDeps, signal: AbortSignal): Promise<void> {
  const { facility, worker, upstream, clock, newUuid } = deps
  const once = async (): Promise<void> => {
    const claim = newUuid()
    const request = ClaimBuildRequest.create({
      ...{ facility, claim, worker, waitSeconds, archs },
      kinds: [BuilderKind.BUILDER_KIND_IMPORT],
    })
    // The same claim again gets the import that it got, if the answer was lost.
    const claimed = await patiently(
      () => upstream.builds.claimBuild(request, { signal }),
      clock,
      signal,
    )
    if (claimed.build === undefined) return
    await importOne(claim, claimed, { ...deps, folder: join(deps.folder, claim) }, signal)
  }
  while (!signal.aborted) await untilDone('importing', once, deps, signal)
}
