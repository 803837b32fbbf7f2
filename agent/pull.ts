import { Failure } from '../lib/failure.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { ReplicaState } from '../proto/gen/merge/image/v1/facility.ts'
import type { PullResponse } from '../proto/gen/merge/image/v1/local.ts'
import { localImages } from './listing.ts'
import type { LocalDeps } from './local.ts'
import { meaning } from './meaning.ts'
import { waiting } from './report.ts'
import type { Transfer } from './transfers.ts'

const askMs = 10_000
const progressMs = 250

/** Has an image brought here and tells how it comes; giving up the call does not give up the image. */
export async function* pullImage(
  reference: string,
  deps: LocalDeps,
  signal: AbortSignal,
): AsyncGenerator<PullResponse> {
  const { state, images, pool } = deps
  const image = await meaning(reference, deps, signal)
  const { name } = image
  if (images.find(name) === undefined) {
    // While the portal is asked.
    pool.warm()
    await want(name, deps, signal)
  } else await wantAgain(name, deps, signal)
  const failuresBefore = state.transfers.get(name)?.failures ?? 0
  // Whoever leaves waits no longer, and leaves no timer behind.
  const left = new AbortController()
  using _leaving = {
    [Symbol.dispose]: () => {
      left.abort()
    },
  }
  const staying = AbortSignal.any([signal, left.signal])
  for (;;) {
    const rung = state.bell.next(5_000, staying)
    const transfer = state.transfers.get(name)
    if (transfer !== undefined && transfer.failures > failuresBefore) throw stillTrying(transfer)
    const standing = standingOf(image, transfer, deps)
    yield standing
    if (standing.local?.replica?.state === ReplicaState.REPLICA_STATE_PRESENT) return
    await rung
    await pause(name, deps, staying)
  }
}

/** Waits until there is more to tell, and no longer once the image is here. */
async function pause(name: string, deps: LocalDeps, signal: AbortSignal): Promise<void> {
  const { images, state, clock } = deps
  const until = clock.now() + progressMs
  for (let left = progressMs; left > 0 && images.find(name) === undefined;) {
    signal.throwIfAborted()
    await state.bell.next(left, signal)
    left = until - clock.now()
  }
}

/** What is here and not wanted any more could go for others; that the portal is away does not matter to who wants it now. */
async function wantAgain(name: string, deps: LocalDeps, signal: AbortSignal): Promise<void> {
  if (deps.state.desired.images.some(({ image }) => image?.name === name)) return
  await want(name, deps, signal).catch((error: unknown) => {
    if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error
  })
}

async function want(name: string, deps: LocalDeps, signal: AbortSignal): Promise<void> {
  const { upstream, facility, newUuid, state } = deps
  const request = { requestId: newUuid(), image: name, facility }
  await upstream.facilities.pushImage(request, { signal, deadlineMs: askMs })
  const before = state.transfers.get(name)
  if (before?.state !== 'failed') return
  // Somebody is waiting: the next try begins now.
  state.transfers.set(name, { ...before, retryAt: 0 })
  state.bell.ring()
}

function standingOf(image: Image, transfer: Transfer | undefined, deps: LocalDeps): PullResponse {
  const known = localImages(deps).find(({ replica }) => replica?.image === image.name)
  const local = known ?? { image, replica: waiting(image, deps) }
  const end = transfer?.endedAt ?? deps.clock.now()
  return {
    local,
    reusedBytes: BigInt(transfer?.reusedBytes ?? local.image?.storedBytes ?? 0),
    elapsedMs: BigInt(Math.round(transfer === undefined ? 0 : end - transfer.startedAt)),
  }
}

function stillTrying({ failure }: Transfer): Error {
  if (failure === undefined) return new Error('a try failed without a failure')
  const { kind, reason, message, facts } = failure
  return new Failure(kind, reason, `${message} The agent keeps trying.`, facts, failure)
}
