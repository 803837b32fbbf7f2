import type { makeFile } from '../../../agent/projection/making.ts'
import type { Shelf } from '../../../agent/projection/shelf.ts'
import { takeAll } from '../../../lib/chunks/healing.ts'
import { chunksOf } from '../../../lib/content/extents.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { rawChunk } from '../../../lib/workers/verify.ts'
import type { Chance } from './chance.ts'
import type { Process } from './process.ts'

/** Where a facility's imaging service looks. It outlives the agent, which need not hear how a request went. */
export interface Bucket {
  readonly objects: ReadonlyMap<string, LaidObject>
  readonly faults: BucketFaults
  /** The bucket as a process sees it, and how that makes what it puts there. */
  open(process: Process): { readonly shelf: Shelf; readonly make: typeof makeFile }
}

export interface LaidObject {
  readonly bytes: Buffer
  readonly token: string
}

export interface BucketFaults {
  /** Of a hundred requests so many fail, before or after they were carried out. */
  failures: number
}

/** Hears of each object that comes, or goes, before it does. */
export interface BucketNews {
  readonly came: (key: string, bytes: Buffer) => void
  readonly goes: (key: string) => void
}

export function bucketOf(chance: Chance, news: BucketNews): Bucket {
  const objects = new Map<string, LaidObject>()
  const faults: BucketFaults = { failures: 0 }
  let count = 0
  const keep = (key: string, bytes: Buffer): string => {
    const token = String(count++)
    objects.set(key, { bytes, token })
    news.came(key, bytes)
    return token
  }
  const fails = (): void => {
    if (chance.next() * 100 < faults.failures / 2) throw new Error('the bucket does not answer')
  }
  return {
    objects,
    faults,
    open(process) {
      const staged = new Map<string, Buffer>()
      const request = <T>(what: string, act: () => T): Promise<T> =>
        process.act(what, chance.between(2, 60), () => {
          fails()
          const result = act()
          fails()
          return result
        })
      const shelf: Shelf = {
        place: 's3://images',
        staging: '/staging',
        pathOf: () => undefined,
        discard: (path) => Promise.resolve(void staged.delete(path)),
        put: (path, key) => request(`puts ${key}`, () => keep(key, staged.get(path) ?? none)),
        copy: (from, key) =>
          request(`copies ${from} to ${key}`, () => {
            const found = objects.get(from)
            return found && keep(key, found.bytes)
          }),
        look: (key) => request(`looks at ${key}`, () => objects.get(key)?.token),
        remove: (key) =>
          request(`removes ${key}`, () => {
            if (objects.has(key)) news.goes(key)
            objects.delete(key)
          }),
      }
      return { shelf, make: making(staged) }
    },
  }
}

const none = Buffer.alloc(0)

/** Puts a file together in memory, as the agent does on the disk: each chunk is checked, and healed where it is damaged. */
function making(staged: Map<string, Buffer>): typeof makeFile {
  return async ({ image, file }, path, { store, manifestOf }, signal) => {
    const artifact = manifestOf(image).artifacts.find(({ kind }) => kind === file.kind)
    if (artifact === undefined) throw new Error(`${image} has no ${file.kind}`)
    const offsets = new Map<Digest, number[]>()
    for (const { digest, offset } of chunksOf(artifact.extents))
      offsets.set(digest, [...(offsets.get(digest) ?? []), offset])
    const bytes = Buffer.alloc(artifact.sizeBytes)
    await takeAll(
      store,
      [...offsets.keys()],
      async ({ entries, payload }) => {
        await Promise.resolve()
        let at = 0
        for (const entry of entries) {
          const raw = rawChunk(entry, payload.subarray(at, (at += entry.storedBytes)))
          for (const offset of offsets.get(entry.digest) ?? []) bytes.set(raw, offset)
        }
      },
      signal,
    )
    staged.set(path, bytes)
  }
}
