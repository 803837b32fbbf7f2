import { ReplicaState, type Replica } from '../proto/gen/merge/image/v1/facility.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { ReportStateRequest } from '../proto/gen/merge/image/v1/agent.ts'
import type { Wait } from './plan.ts'
import type { SyncDeps, SyncState } from './sync.ts'
import { lastRate, totalToFetch, type Transfer } from './transfers.ts'

const heartbeatMs = 30_000
const pauseMs = 500

/** Tells the portal what is here, whenever that changes and every half minute. */
export async function keepReporting(
  self: { readonly facility: string; readonly peerAddress: string },
  deps: SyncDeps,
  signal: AbortSignal,
): Promise<void> {
  const { state, images, usage, upstream, clock, hours, log } = deps
  while (!signal.aborted) {
    // Listening begins before reading, so that no change falls between the two.
    const rung = state.bell.next(heartbeatMs, signal)
    const report: ReportStateRequest = {
      ...self,
      appliedGeneration: state.applied,
      replicas: replicas(state, images.present(), deps, usage.last()),
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

type Reported = Pick<SyncState, 'desired' | 'transfers' | 'opensAt' | 'waits'>
type Clocks = Pick<SyncDeps, 'clock' | 'now'>

/** Every image that is wanted or here, as it stands. */
export function replicas(
  { desired, transfers, opensAt, waits }: Reported,
  present: readonly Image[],
  clocks: Clocks,
  used: ReadonlyMap<string, Date> = new Map(),
): Replica[] {
  const here = new Set(present.map(({ name }) => name))
  const wanted = desired.images.flatMap(({ image }) => image ?? [])
  const known = new Map([...wanted, ...present].map((image) => [image.name, image]))
  return [...known.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((image) => replica(image, here.has(image.name), transfers.get(image.name), clocks))
    .map((replica) => waitingFor(waits.get(replica.image), opensAt, replica))
    .map((replica) => ({ ...replica, useTime: used.get(replica.image) }))
}

/** An image that is wanted and of which nothing is known yet. */
export function waiting(image: Image, clocks: Clocks): Replica {
  return replica(image, false, undefined, clocks)
}

function replica(
  { name, digest }: Image,
  here: boolean,
  transfer: Transfer | undefined,
  clocks: Clocks,
): Replica {
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
    nextTime: here ? undefined : retryTime(transfer, clocks),
  }
}

function retryTime(transfer: Transfer | undefined, { clock, now }: Clocks): Date | undefined {
  if (transfer?.state !== 'failed' || transfer.retryAt === undefined) return undefined
  const ms = now().getTime() + Math.max(0, transfer.retryAt - clock.now())
  // To the second: the same moment is told the same whenever that is.
  return new Date(Math.ceil(ms / 1000) * 1000)
}

/** What may not be fetched now says what it waits for, and until when. */
function waitingFor(wait: Wait | undefined, opensAt: Date | undefined, replica: Replica): Replica {
  if (replica.state !== ReplicaState.REPLICA_STATE_WAITING) return replica
  if (wait?.kind === 'alone') {
    const error = `waits until another facility has it whole, as the sync rule ${wait.rule} says`
    return { ...replica, error }
  }
  const nextTime = wait?.opensAt ?? opensAt
  if (nextTime === undefined) return replica
  const says = wait === undefined ? '--fetch-window' : `the sync rule ${wait.rule}`
  const error = `waits for ${nextTime.toISOString().slice(11, 16)} UTC, as ${says} says`
  return { ...replica, error, nextTime }
}

function stateOf(here: boolean, transfer: Transfer | undefined): ReplicaState {
  if (here) return ReplicaState.REPLICA_STATE_PRESENT
  if (transfer?.state === 'fetching') return ReplicaState.REPLICA_STATE_FETCHING
  if (transfer?.state === 'failed') return ReplicaState.REPLICA_STATE_FAILED
  return ReplicaState.REPLICA_STATE_WAITING
}
