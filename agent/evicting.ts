import { isOver } from '../lib/chunks/abort.ts'
import { Failure } from '../lib/failure.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { Disk } from '../lib/disk.ts'
import type { Stored } from './evict.ts'
import { excessBytes, lackingBytes, without, type Bound } from './marks.ts'
import { noRoom } from './noroom.ts'
import { carryOut, giveBack, looked, type Eviction, type RoundDeps } from './round.ts'

export interface EvictingDeps extends RoundDeps {
  /** Where the store is. */
  readonly folder: string
  readonly disk: () => Promise<Disk>
}

export interface StoreUse {
  readonly bounds: readonly Bound[]
  readonly candidates: readonly Stored[]
}

/** Lets go of images that nobody needs here, so that there is room for others. */
export interface Evictor {
  /** Those that are named, or, without names, as many as bring the store down to its low-water mark. */
  evict(
    names: readonly string[] | undefined,
    rehearse: boolean,
    signal: AbortSignal,
  ): Promise<Eviction>
  /** Makes room for so many bytes of an image, or throws DISK_FULL. */
  readonly makeRoom: (image: Image, bytes: number, signal: AbortSignal) => Promise<void>
  /** Whether so many bytes more have room without anything going. */
  readonly hasRoom: (bytes: number) => Promise<boolean>
  /** Makes room whenever there is too little, looking every `everyMs`; only when it is asked to if that is 0. */
  keepOn(everyMs: number, signal: AbortSignal): Promise<void>
  use(): Promise<StoreUse>
}

export function evictor(deps: EvictingDeps): Evictor {
  const { limits, clock, log, state } = deps
  let last: Promise<unknown> = Promise.resolve()
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
  const evict: Evictor['evict'] = (names, rehearse, signal) =>
    exclusively(async () => {
      const bounds = await boundsOf(deps)
      const toLow = { above: limits.below, below: limits.below }
      const bytes = (going: number) => excessBytes(without(bounds, going), toLow, 0)
      const round =
        names === undefined
          ? { names, bytes, rehearse }
          : { names: new Set(names), bytes: () => 'all' as const, rehearse }
      const done = await carryOut(round, deps, signal)
      if (!rehearse) await giveBackRest(done, deps, signal)
      return done
    })
  return {
    evict,
    makeRoom: (image, bytes, signal) => exclusively(() => roomFor(image, bytes, deps, signal)),
    hasRoom: async (bytes) => excessBytes(await boundsOf(deps), limits, bytes) === 0,
    async keepOn(everyMs, signal) {
      while (everyMs > 0 && !isOver(signal)) {
        await clock.sleep(everyMs, signal).catch(() => undefined)
        if (isOver(signal) || !state.heard) continue
        await exclusively(() => lookAfter(deps, signal)).catch((error: unknown) => {
          if (isOver(signal)) return
          const told = error instanceof Failure ? { error: error.message } : { err: error }
          log.warn(told, 'no room was made')
        })
      }
    },
    async use() {
      return { bounds: await boundsOf(deps), ...looked(undefined, new Map(), deps) }
    },
  }
}

/** The store first, if it is bounded; the disk, which others fill too, last. */
async function boundsOf({ limits, images, disk }: EvictingDeps): Promise<readonly Bound[]> {
  const usedBytes = Number(images.storedBytes())
  const store = limits.mostBytes === undefined ? [] : [{ usedBytes, totalBytes: limits.mostBytes }]
  return [
    ...store.map((bound) => ({ ...bound, what: 'store' as const })),
    { ...(await disk()), what: 'disk' },
  ]
}

async function lookAfter(deps: EvictingDeps, signal: AbortSignal): Promise<void> {
  const bounds = await boundsOf(deps)
  if (excessBytes(bounds, deps.limits, 0) === 0) return
  if (looked(undefined, new Map(), deps).candidates.length === 0) return
  const bytes = (going: number) => excessBytes(without(bounds, going), deps.limits, 0)
  await carryOut({ names: undefined, bytes, rehearse: false }, deps, signal)
}

/** Without an image that goes there may be chunks that nobody needs as it is. */
async function giveBackRest(
  { goers, goingBytes }: Pick<Eviction, 'goers' | 'goingBytes'>,
  deps: EvictingDeps,
  signal: AbortSignal,
): Promise<void> {
  if (goers.length === 0 && goingBytes > 0) await giveBack(deps, signal)
}

async function roomFor(
  image: Image,
  coming: number,
  deps: EvictingDeps,
  signal: AbortSignal,
): Promise<void> {
  // What needs nothing more fits, however full it is.
  if (coming === 0) return
  const bounds = await boundsOf(deps)
  if (excessBytes(bounds, deps.limits, coming) === 0) return
  const bytes = (going: number) => excessBytes(without(bounds, going), deps.limits, coming)
  const { goers, stayers, goingBytes } = await carryOut(
    { names: undefined, bytes, rehearse: false },
    deps,
    signal,
  )
  await giveBackRest({ goers, goingBytes }, deps, signal)
  const freed = goers.reduce((sum, { freedBytes }) => sum + freedBytes, goingBytes)
  const lacking = lackingBytes(without(bounds, freed), coming)
  if (lacking > 0) throw noRoom(image, { coming, lacking, bounds, folder: deps.folder }, stayers)
}
