import type { Logger } from 'pino'
import { isOver } from '../chunks/abort.ts'
import type { Clock } from '../chunks/clock.ts'
import { sha256, type Digest } from '../content/digest.ts'
import { corrupt } from '../failure.ts'
import { listAll, type Listing } from './listing.ts'
import { measure, type Measured } from './measuring.ts'
import type { Forms, OfferedImage } from './offer.ts'
import { opener, type Open, type OpeningDeps } from './opening.ts'

/** What is remembered of images' forms, over restarts. */
export interface FormTable {
  all(): Promise<ReadonlyMap<string, Forms>>
  pieces(image: string): Promise<Buffer | undefined>
  keep(image: string, measured: Measured): Promise<void>
  forget(images: readonly string[]): Promise<void>
}

export interface OfferingDeps extends Omit<OpeningDeps, 'pieces' | 'changed'> {
  /** The images that anybody may have and whose bytes are here. */
  readonly images: () => Promise<readonly OfferedImage[]>
  readonly table: FormTable
  readonly clock: Clock
  readonly log: Logger
}

/** What is on offer, and its bytes. */
export interface Offering {
  readonly list: () => Promise<Listing>
  readonly open: Open
  /** Makes the forms of images known that are not, again and again. */
  readonly keepOn: (signal: AbortSignal) => Promise<void>
}

/** A list is shared by all who ask within this time. */
const freshMs = 500
const pollMs = 2_000
const retryMs = 5 * 60_000
const mostManifests = 4

export function offering(given: OfferingDeps): Offering {
  const { table, log, clock } = given
  const deps = { ...given, manifestOf: remembering(mostManifests, given.manifestOf) }
  const listing = sharing(lister(deps), clock)
  // A repair brought the same chunk in other bytes.
  const changed = ({ name }: OfferedImage): Error => {
    listing.renew()
    table.forget([name]).catch((error: unknown) => {
      log.warn({ image: name, err: error }, 'digests that are wrong now are not forgotten')
    })
    log.warn({ image: name }, 'stored bytes are others now: the image is digested anew')
    return corrupt('CHUNK_CORRUPT', `the stored bytes of ${name} are others now`)
  }
  const pieces = (image: string): Promise<Buffer | undefined> => table.pieces(image)
  return {
    list: listing.get,
    open: opener({ ...deps, pieces, changed }),
    async keepOn(signal) {
      const retryAt = new Map<string, number>()
      while (!isOver(signal)) {
        const went = await makeKnown(deps, retryAt, signal).catch((error: unknown) => {
          if (!isOver(signal)) log.warn({ err: error }, 'an image cannot be offered yet')
          return false
        })
        if (went) listing.renew()
        else await clock.sleep(pollMs, signal).catch(() => undefined)
      }
    },
  }
}

/** Lists the images whose forms are known; the same ones are the list from before, since rendering thousands takes a while. */
function lister({ images, table }: OfferingDeps): () => Promise<Listing> {
  let last: { readonly of: Digest; readonly listing: Listing } | undefined
  return async () => {
    const [offered, known] = await Promise.all([images(), table.all()])
    const complete = offered.flatMap((image) => {
      const forms = known.get(image.name)
      return forms === undefined ? [] : [{ image, forms }]
    })
    const of = sha256(Buffer.from(JSON.stringify(complete)))
    if (last?.of !== of) last = { of, listing: listAll(complete) }
    return last.listing
  }
}

/** Reads one image whose forms are not known; says whether there was one. What failed is left alone for a while. */
async function makeKnown(
  deps: OfferingDeps,
  retryAt: Map<string, number>,
  signal: AbortSignal,
): Promise<boolean> {
  const { table, clock, log } = deps
  const [offered, known] = await Promise.all([deps.images(), table.all()])
  const names = new Set(offered.map(({ name }) => name))
  const gone = [...known.keys()].filter((name) => !names.has(name))
  if (gone.length > 0) await table.forget(gone)
  const isDue = ({ name }: OfferedImage): boolean => (retryAt.get(name) ?? 0) <= clock.now()
  const next = offered.find((image) => !known.has(image.name) && isDue(image))
  if (next === undefined) return false
  retryAt.set(next.name, clock.now() + retryMs)
  await table.keep(next.name, await measure(next, await deps.manifestOf(next), deps, signal))
  retryAt.delete(next.name)
  log.info({ image: next.name }, 'image on offer')
  return true
}

function sharing<T>(make: () => Promise<T>, clock: Clock) {
  let shared: { readonly value: Promise<T>; readonly at: number } | undefined
  const renew = (): void => {
    shared = undefined
  }
  const get = (): Promise<T> => {
    if (shared !== undefined && clock.now() - shared.at < freshMs) return shared.value
    const value = make()
    shared = { value, at: clock.now() }
    value.catch(renew)
    return value
  }
  return { get, renew }
}

/** Reading in small ranges asks for one manifest again and again. */
function remembering(most: number, find: OfferingDeps['manifestOf']): OfferingDeps['manifestOf'] {
  const kept = new Map<string, ReturnType<typeof find>>()
  return (image) => {
    const found = kept.get(image.digest) ?? find(image)
    kept.delete(image.digest)
    kept.set(image.digest, found)
    found.catch(() => kept.delete(image.digest))
    const [oldest] = kept.keys()
    if (kept.size > most && oldest !== undefined) kept.delete(oldest)
    return found
  }
}
