import { fingerprintOf, joinFingerprints } from '../../../lib/chunks/fingerprint.ts'
import type { ChunkSource } from '../../../lib/chunks/source.ts'
import { joinDigests, splitDigests, type Digest } from '../../../lib/content/digest.ts'
import { makeDeltas } from '../../../lib/deltas/make.ts'
import { missing } from '../../../lib/failure.ts'
import type { Call } from '../../../lib/rpc/serve.ts'
import type { Service } from '../../../lib/rpc/service.ts'
import type { DeltaServiceService } from '../../../proto/gen/merge/image/v1/delta.ts'
import type { ImageServiceService } from '../../../proto/gen/merge/image/v1/image.ts'
import { runsOf, type Chunk } from '../chunks.ts'
import { poolHere } from './pool.ts'
import type { Portal } from './portal.ts'

interface Parts {
  readonly portal: Portal
  /** Images whose bytes are there no more. */
  readonly gone: ReadonlySet<string>
}

/** The chunks of all images that are there. */
export function heldBy({ portal, gone }: Parts): ReadonlyMap<Digest, Chunk> {
  const here = [...portal.builds.values()].filter(({ name }) => !gone.has(name))
  return new Map(
    here.flatMap(({ chunks }) => chunks.map((chunk) => [chunk.entry.digest, chunk] as const)),
  )
}

/** As the portal keeps it, which took its fingerprint when it came. */
function recognisable(chunk: Chunk | undefined): Chunk | undefined {
  if (chunk === undefined) return undefined
  const { entry, stored } = chunk
  return { entry: { ...entry, fingerprint: fingerprintOf(entry, stored) }, stored }
}

export function chunksAt({ portal, gone }: Parts) {
  const held = () => heldBy({ portal, gone })
  const source: ChunkSource = {
    async missing(digests) {
      await Promise.resolve()
      const here = held()
      return digests.filter((digest) => !here.has(digest))
    },
    async *fetch(digests) {
      const here = held()
      for (const digest of digests)
        if (!here.has(digest)) throw missing('CHUNK_NOT_FOUND', `chunk ${digest} is not here`)
      yield* runsOf(digests.flatMap((digest) => recognisable(here.get(digest)) ?? []))
    },
  }
  return {
    source,
    fingerprints: (digests: readonly Digest[]) => {
      const here = held()
      const each = digests.map((digest) => here.get(digest))
      return Promise.resolve(
        joinFingerprints(each.map((one) => one && fingerprintOf(one.entry, one.stored))),
      )
    },
  }
}

export function manifestsAt({
  portal,
}: Parts): Partial<Service<typeof ImageServiceService, [call: Call]>> {
  return {
    async *getManifest({ digest }) {
      await Promise.resolve()
      const found = portal.build(digest.replace('sha256:', '') as Digest)
      if (found === undefined) throw missing('NOT_FOUND', `there is no ${digest}`)
      yield { part: found.manifestBytes }
    },
  }
}

export function deltasAt(parts: Parts): Partial<Service<typeof DeltaServiceService, [call: Call]>> {
  const { source } = chunksAt(parts)
  return {
    async *fetchDeltas({ target, bases }, { signal }) {
      const [wanted, base] = [splitDigests(target)[0], splitDigests(bases)[0]].map((digest) =>
        digest === undefined ? undefined : parts.portal.build(digest),
      )
      if (wanted === undefined || base === undefined) return
      if (parts.gone.has(base.name) || parts.gone.has(wanted.name)) return
      const made = makeDeltas(base.manifest, wanted.manifest, { source, pool: poolHere }, signal)
      for await (const { deltas: spans, payload } of made) {
        yield {
          base: joinDigests([base.digest]),
          deltas: [...spans],
          payload: Buffer.from(payload),
        }
      }
    },
  }
}
