import { invalid } from '../lib/failure.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type {
  DropResponse,
  EvictionItem,
  EvictRequest,
  EvictResponse,
  StoreStatus,
} from '../proto/gen/merge/image/v1/local.ts'
import type { Evictor, StoreUse } from './evicting.ts'
import { meaning, type MeaningDeps } from './meaning.ts'
import type { Eviction, EvictionLimits } from './round.ts'

const mostNames = 1000
const askMs = 10_000

/** Lets images go that are here, and says what became of each. */
export async function evictHere(
  { references, validateOnly }: EvictRequest,
  here: (reference: string) => Image,
  evicting: Evictor,
  signal: AbortSignal,
): Promise<EvictResponse> {
  if (references.length > mostNames) {
    const text = `Name ${mostNames} images at most, and not ${references.length}.`
    throw invalid('INVALID_FIELD', text, { field: 'references' })
  }
  const names = references.map((reference) => here(reference).name)
  const asked = names.length === 0 ? undefined : names
  return renderEviction(await evicting.evict(asked, validateOnly, signal))
}

function renderEviction({ goers, stayers }: Eviction): EvictResponse {
  const going = goers.map(({ image, freedBytes }): EvictionItem => {
    const { name, used, arrived } = image
    const last = used === undefined ? `never used since it came` : 'used longest ago'
    const since = (used ?? arrived).toISOString().slice(0, 10)
    return {
      ...{ image: name, goes: true, useTime: used, freedBytes: BigInt(freedBytes) },
      message: `${last}, ${since}`,
    }
  })
  const staying = stayers.map(({ image: { name, used }, why }): EvictionItem => ({
    ...{ image: name, goes: false, message: why, freedBytes: 0n, useTime: used },
  }))
  const freedBytes = going.reduce((sum, item) => sum + item.freedBytes, 0n)
  return { items: [...going, ...staying], freedBytes }
}

/** What the store takes, when it makes room, and what could go. */
export function storeStatus(
  { bounds, candidates }: StoreUse,
  usedBytes: bigint,
  { mostBytes, above, below }: EvictionLimits,
): StoreStatus {
  const disk = bounds.find(({ what }) => what === 'disk')
  return {
    usedBytes,
    mostBytes: BigInt(mostBytes ?? 0),
    diskUsedBytes: BigInt(disk?.usedBytes ?? 0),
    diskBytes: BigInt(disk?.totalBytes ?? 0),
    abovePercent: Math.round(above * 100),
    belowPercent: Math.round(below * 100),
    evictableCount: candidates.length,
    evictableBytes: candidates.reduce((sum, { bytes }) => sum + BigInt(bytes), 0n),
  }
}

/** Takes an image off the facility's wanted list. */
export async function dropImage(
  reference: string,
  deps: MeaningDeps,
  signal: AbortSignal,
): Promise<DropResponse> {
  const { upstream, facility, newUuid } = deps
  const name = isWanted(reference, deps) ? reference : (await meaning(reference, deps, signal)).name
  const request = { requestId: newUuid(), image: name, facility }
  await upstream.facilities.dropImage(request, { signal, deadlineMs: askMs })
  return { image: name }
}

/** What is wanted here can be dropped by its exact name, however it stands: revoked, say. */
function isWanted(reference: string, { state }: MeaningDeps): boolean {
  return state.desired.images.some(({ image }) => image?.name === reference)
}
