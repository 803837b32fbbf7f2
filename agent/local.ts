import { isAbsolute } from 'node:path'
import type { HealingSource } from '../lib/chunks/healing.ts'
import type { ChunkIndex } from '../lib/chunks/places.ts'
import type { ChunkStore } from '../lib/chunks/source.ts'
import type { Verify } from '../lib/chunks/verified.ts'
import { parseDigest } from '../lib/content/digest.ts'
import { decodeManifest } from '../lib/content/encoding.ts'
import { kinds, type Artifact, type Manifest } from '../lib/content/manifest.ts'
import { invalid, missing } from '../lib/failure.ts'
import type { Call } from '../lib/rpc/serve.ts'
import type { Service } from '../lib/rpc/service.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { LocalServiceService, SourceStatus } from '../proto/gen/merge/image/v1/local.ts'
import type { Evictor } from './evicting.ts'
import { exportImage } from './exporting.ts'
import { orderImports, type ImportOrderDeps } from './import/ordering.ts'
import { importImage } from './importing.ts'
import { orderBuild, type OrderDeps } from './ordering.ts'
import { listProjections } from './projection/listing.ts'
import type { Projector } from './projection/projecting.ts'
import type { Publisher } from './publishing.ts'
import { pullImage } from './pull.ts'
import { pushImage } from './push.ts'
import { localImages } from './listing.ts'
import { resolveHere } from './resolve.ts'
import type { EvictionLimits } from './round.ts'
import { dropImage, evictHere, storeStatus } from './space.ts'
import type { SyncDeps } from './sync.ts'
import { verifyImage } from './verify.ts'
import type { WriteOut } from './writeout.ts'

export interface LocalDeps extends SyncDeps {
  readonly facility: string
  readonly peerAddress: string
  readonly store: ChunkStore & HealingSource
  readonly writeOut: WriteOut
  readonly evicting: Evictor
  readonly limits: EvictionLimits
  readonly now: () => Date
  readonly newUuid: () => string
  readonly servedBytes: () => bigint
  /** Undefined where nothing is laid out. */
  readonly projecting: Pick<Projector, 'now'> | undefined
  readonly publisher: Publisher
  /** Checks the chunks of portable files. */
  readonly verify: Verify
  readonly places: Pick<ChunkIndex, 'locate'>
  readonly builders: OrderDeps['builders']
  readonly imports: ImportOrderDeps['imports']
}

/** What `mrs-image` asks of the agent. */
export function localService(deps: LocalDeps): Service<typeof LocalServiceService, [call: Call]> {
  const { state, images, usage, upstream, facility, peerAddress, store: chunks, evicting } = deps
  const here = (reference: string): Image => findHere(reference, deps)
  return {
    async status() {
      const store = storeStatus(await evicting.use(), images.storedBytes(), deps.limits)
      return {
        facility,
        portalAddress: upstream.address,
        connected: state.unreachable === undefined,
        error: state.unreachable?.message ?? '',
        desiredGeneration: state.desired.generation,
        appliedGeneration: state.applied,
        peerAddress,
        wantedCount: state.desired.images.length,
        presentCount: images.present().length,
        storedBytes: images.storedBytes(),
        servedBytes: deps.servedBytes(),
        sources: sourcesNow(deps),
        fetchTime: state.opensAt,
        store,
      }
    },

    listLocal() {
      return Promise.resolve({ images: localImages(deps) })
    },

    listProjections: () => Promise.resolve(listProjections(deps.projecting)),

    resolveLocal({ reference }) {
      const { image, rule, warnings } = resolveHere(
        reference,
        images.present(),
        state.desired,
        deps.now(),
      )
      return Promise.resolve({ image: images.find(image), rule, warnings })
    },

    pull: ({ reference }, { signal }) => pullImage(reference, deps, signal),

    push: (request, { signal }) => pushImage(request, deps, signal),

    async *export({ reference }, { signal }) {
      const image = here(reference)
      yield* exportImage(image, manifestBytesOf(image, deps), deps, signal)
    },

    import: (request, { signal }) => importImage(request, deps, signal),

    build: (request, { signal }) => orderBuild(request, deps, signal),

    importSource: (request, { signal }) => orderImports(request, deps, signal),

    drop: ({ reference }, { signal }) => dropImage(reference, deps, signal),

    evict: (request, { signal }) =>
      // By its exact name an image goes however it stands.
      evictHere(request, (name) => images.find(name) ?? here(name), evicting, signal),

    async *writeOut({ reference, kind, path, replace }, { signal }) {
      if (!isAbsolute(path)) {
        throw invalid('INVALID_FIELD', `"${path}" is no absolute path.`, { field: 'path' })
      }
      const image = here(reference)
      const artifact = artifactOf(image, manifestOf(image, deps), kinds[kind === 0 ? 0 : kind - 1])
      for await (const progress of deps.writeOut(image.name, artifact, path, replace, signal)) {
        yield { image: image.name, ...progress }
      }
    },

    async *verify({ reference }, { signal }) {
      const image = here(reference)
      using _pin = usage.pin(image.name)
      const totalBytes = image.artifacts.reduce((sum, { dataBytes }) => sum + dataBytes, 0n)
      for await (const { doneBytes } of verifyImage(
        image.name,
        manifestOf(image, deps),
        chunks,
        signal,
      )) {
        yield { image: image.name, doneBytes: BigInt(doneBytes), totalBytes }
      }
    },
  }
}

function sourcesNow({ standing, now }: LocalDeps): SourceStatus[] {
  return standing.all().map(({ name, rate, restsMs, reason }) => ({
    name,
    bytesPerSecond: BigInt(Math.round(rate)),
    restingUntil: restsMs > 0 ? new Date(now().getTime() + restsMs) : undefined,
    reason,
  }))
}

function findHere(reference: string, { images, state, now }: LocalDeps): Image {
  const { image } = resolveHere(reference, images.present(), state.desired, now())
  const found = images.find(image)
  if (found !== undefined) return found
  throw missing('NOT_PRESENT', `${image} is not here; "mrs-image pull ${image}" brings it.`, {
    name: image,
  })
}

function manifestOf(image: Image, deps: LocalDeps): Manifest {
  return decodeManifest(manifestBytesOf(image, deps))
}

function manifestBytesOf(image: Image, { images }: LocalDeps): Uint8Array {
  const bytes = images.manifest(parseDigest(image.digest))
  if (bytes !== undefined) return bytes
  throw missing('NOT_PRESENT', `The manifest of ${image.name} is not here; pull it again.`, {
    name: image.name,
  })
}

function artifactOf(
  { name }: Image,
  { artifacts }: Manifest,
  kind: Artifact['kind'] | undefined,
): Artifact {
  const found = artifacts.find((artifact) => artifact.kind === kind)
  if (found !== undefined) return found
  throw missing(
    'NOT_PRESENT',
    `${name} has no ${kind ?? 'such file'}; it has: ${artifacts.map((each) => each.kind).join(', ')}.`,
    { name },
  )
}
