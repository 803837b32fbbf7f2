import { ReplicaState, type Replica } from '../proto/gen/merge/image/v1/facility.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { ReportStateRequest } from '../proto/gen/merge/image/v1/agent.ts'
import type { SyncDeps, SyncState } from './sync.ts'
import { lastRate, totalToFetch, type Transfer } from './transfers.ts'

const heartbeatMs = 30_000
const pauseMs = 500

/** Tells the portal what is here, whenever that changes and every half minute. */
export async function keepReporting(
  self: { readonly facility: string; readonly peerAddress: string },
  { state, images, usage, upstream, clock, hours, log }: SyncDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // Listening begins before reading, so that no change falls between the two.
    const rung = state.bell.next(heartbeatMs, signal)
    const report: ReportStateRequest = {
      ...self,
      appliedGeneration: state.applied,
      replicas: replicas(state, images.present(), usage.last()),
      storedBytes: images.storedBytes(),
      fetchRate: BigInt(Math.round(lastRate(state.transfers, clock.now()) ?? 0)),
      opensTime: hours.opensAt(),
    }
    await upstream.agents.reportState(report, { signal }).then(
      () => {
        state.heardAt = clock.now()
      },
      (error: unknown) => {
        log.debug({ err: error }, 'report failed')
      },
    )
    // Rings come many a second while chunks arrive; one report for all of them will do.
    await clock.sleep(pauseMs, signal).catch(() => undefined)
    await rung
  }
}

/** Every image that is wanted or here, as it stands. */
export function replicas(
  { desired, transfers, opensAt }: Pick<SyncState, 'desired' | 'transfers' | 'opensAt'>,
  present: readonly Image[],
  used: ReadonlyMap<string, Date> = new Map(),
): Replica[] {
  const here = new Set(present.map(({ name }) => name))
  const wanted = desired.images.flatMap(({ image }) => image ?? [])
  const known = new Map([...wanted, ...present].map((image) => [image.name, image]))
  return [...known.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((image) => replica(image, here.has(image.name), transfers.get(image.name)))
    .map((replica) => waitingUntil(opensAt, { ...replica, useTime: used.get(replica.image) }))
}

/** An image that is wanted and of which nothing is known yet. */
export function waiting(image: Image): Replica {
  return replica(image, false, undefined)
}

function replica({ name, digest }: Image, here: boolean, transfer: Transfer | undefined): Replica {
  return {
    image: name,
    digest,
    state: stateOf(here, transfer),
    totalBytes: BigInt(transfer === undefined ? 0 : totalToFetch(transfer)),
    peerBytes: BigInt(transfer?.bytes.peer ?? 0),
    portalBytes: BigInt(transfer?.bytes.portal ?? 0),
    error: here ? '' : (transfer?.failure?.message ?? ''),
    updateTime: undefined,
    useTime: undefined,
  }
}

/** What may not be fetched now says when it may. */
function waitingUntil(opensAt: Date | undefined, replica: Replica): Replica {
  if (opensAt === undefined || replica.state !== ReplicaState.REPLICA_STATE_WAITING) return replica
  const time = opensAt.toISOString().slice(11, 16)
  return { ...replica, error: `waits for ${time} UTC, as --fetch-window says` }
}

function stateOf(here: boolean, transfer: Transfer | undefined): ReplicaState {
  if (here) return ReplicaState.REPLICA_STATE_PRESENT
  if (transfer?.state === 'fetching') return ReplicaState.REPLICA_STATE_FETCHING
  if (transfer?.state === 'failed') return ReplicaState.REPLICA_STATE_FAILED
  return ReplicaState.REPLICA_STATE_WAITING
}
