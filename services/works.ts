import { keepMoving, type MovingDeps } from './archive/moving.ts'
import { keepChaining } from './audit/chaining.ts'
import { keepBuilding, type KeepingDeps as BuildingDeps } from './builds/keeping.ts'
import { keepPreparing, type PrepareDeps } from './deltas/prepare.ts'
import type { PortalSettings } from './portal.ts'
import { keepLives, type KeepingDeps as LivesDeps } from './retention/keeping.ts'
import { keepSelecting, type KeepingDeps as RulesDeps } from './rules/keeping.ts'
import { keepScanning, type KeepingDeps as ScanningDeps } from './sources/keeping.ts'
import type { Stores } from './stores.ts'

type Work = (signal: AbortSignal) => Promise<void>

/** What goes on beside the calls; the archive is looked after as the portal's own store is. */
export function worksOf(
  { collectEvery, scrubEvery, database }: PortalSettings,
  deps: BuildingDeps &
    LivesDeps &
    RulesDeps &
    ScanningDeps &
    Omit<PrepareDeps, 'source'> &
    Pick<MovingDeps, 'verify'>,
  stores: Stores,
): readonly Work[] {
  const { store, archive } = stores
  // Nobody else comes to the database in its own folder.
  const alone = database === undefined
  const kept = archive === undefined ? [stores] : [stores, archive]
  return [
    (signal) => keepPreparing({ ...deps, source: store }, signal),
    (signal) => keepBuilding(deps, signal),
    (signal) => keepLives(deps, signal),
    (signal) => keepSelecting(deps, signal),
    (signal) => keepScanning(deps, signal),
    (signal) => keepChaining(deps, signal),
    (signal) => keepMoving({ ...deps, ...stores, alone }, signal),
    ...kept.flatMap(({ collecting, scrubbing }): Work[] => [
      (signal) => collecting.keepOn(collectEvery, signal),
      (signal) => scrubbing.keepOn(scrubEvery, signal),
    ]),
  ]
}

/** Work that goes on until it is told to end, and is waited for. */
export function inBackground(work: (signal: AbortSignal) => Promise<void>): AsyncDisposable {
  const stopping = new AbortController()
  const working = work(stopping.signal)
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.allSettled([working])
    },
  }
}
