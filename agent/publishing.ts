import type { Labels } from '../lib/labels.ts'
import type { Clock } from '../lib/chunks/clock.ts'
import type { ChunkIndex } from '../lib/chunks/places.ts'
import type { ChunkStore } from '../lib/chunks/source.ts'
import { encodeManifest } from '../lib/content/encoding.ts'
import { chunkDigests, type Manifest } from '../lib/content/manifest.ts'
import { sha256, type Digest } from '../lib/content/digest.ts'
import { internal } from '../lib/failure.ts'
import { commitMessages, type CommitHeading } from '../lib/images/commit.ts'
import { ingest, type IngestStore } from '../lib/images/ingest.ts'
import type { InputFile } from '../lib/images/input.ts'
import type { IngestProgress } from '../lib/images/supply.ts'
import type { Pool } from '../lib/workers/pool.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type {
  BuiltImage,
  CustomUpload,
  Package,
  Upload,
} from '../proto/gen/merge/image/v1/upload.ts'
import { patiently } from './build/patience.ts'
import type { ImageTable } from './images.ts'
import type { Needs } from './needs.ts'
import type { SyncState } from './sync.ts'
import type { Upstream } from './upstream.ts'

/** An image that is to be published, and what to say of it. */
export interface Publication {
  readonly target: string
  readonly files: readonly InputFile[]
  /** The largest disk that a file may unpack to. */
  readonly mostBytes: number
  readonly packages: readonly Package[]
  readonly notes: string
  readonly labels: Labels
  readonly parent: string
  /** Whether it is released at once, if no build made it. */
  readonly release: boolean
  readonly days: number
  readonly shared: boolean
}

/** Hears how a publication goes. */
export interface PublishNews {
  progress(progress: IngestProgress): void
  /**
   * Asked when all bytes are in their store, with the digest of what they make: what to say of the build that made it, if one
   * did. The image is made after that.
   */
  built(digest: Digest): Promise<BuiltImage | undefined>
}

/** Publishes images; what fails because the portal is away is tried until it is back. */
export interface Publisher {
  publish(publication: Publication, news: PublishNews, signal: AbortSignal): Promise<Image>
}

interface PortalDeps {
  readonly upstream: Upstream
  readonly pool: Pool
  readonly clock: Clock
  readonly newUuid: () => string
}

/** Publishes into the portal's own store. */
export function portalPublisher(deps: PortalDeps): Publisher {
  return {
    async publish(publication, news, signal) {
      const { upstream } = deps
      const upload = await begin(publication, undefined, deps, signal)
      const store = upstream.storeFor(upload.id)
      const manifest = await patiently(
        () => ingested(publication, store, deps.pool, news, signal),
        deps.clock,
        signal,
      )
      return commit(upload, publication, manifest, 0n, news, deps, signal)
    },
  }
}

export interface CustomDeps extends PortalDeps {
  readonly store: ChunkStore
  readonly places: Pick<ChunkIndex, 'locate'>
  readonly images: ImageTable
  readonly needs: Needs
  readonly state: Pick<SyncState, 'bell'>
}

/** Publishes into the facility's store: the portal learns what there is, and gets none of the bytes. */
export function customPublisher(deps: CustomDeps): Publisher {
  return {
    async publish(publication, news, signal) {
      const { days, shared } = publication
      const upload = await begin(publication, { days, shared }, deps, signal)
      const { manifest, digests, held } = await kept(publication, deps, news, signal)
      using _held = held
      const storedBytes = await storedBytesOf(digests, deps.places)
      const image = await commit(upload, publication, manifest, storedBytes, news, deps, signal)
      deps.images.show(image)
      deps.state.bell.ring()
      return image
    },
  }
}

const mostRounds = 3

/** Stores what the store lacks, and keeps a collector off it; what one took meanwhile is stored again. */
async function kept(
  publication: Publication,
  { store, needs, images, pool }: CustomDeps,
  news: PublishNews,
  signal: AbortSignal,
): Promise<{
  readonly manifest: Manifest
  readonly digests: readonly Digest[]
  readonly held: Disposable
}> {
  for (let round = 1; ; round++) {
    const manifest = await ingested(publication, store, pool, news, signal)
    const bytes = encodeManifest(manifest)
    const name = sha256(bytes)
    const digests = chunkDigests(manifest)
    using stack = new DisposableStack()
    stack.use(needs.hold(name))
    await needs.add(name, digests)
    const [absent] = await store.missing(digests, signal)
    if (absent === undefined) {
      images.keepManifest(name, bytes)
      return { manifest, digests, held: stack.move() }
    }
    if (round === mostRounds) {
      throw internal('INTERNAL', `chunk ${absent} was stored, and is not there`)
    }
  }
}

export async function storedBytesOf(
  digests: readonly Digest[],
  places: Pick<ChunkIndex, 'locate'>,
): Promise<bigint> {
  const each = [...new Set(digests)]
  const found = await places.locate(each)
  return [...found.values()].reduce((sum, { storedBytes }) => sum + BigInt(storedBytes), 0n)
}

async function ingested(
  { files, mostBytes }: Publication,
  store: IngestStore,
  pool: Pool,
  news: PublishNews,
  signal: AbortSignal,
): Promise<Manifest> {
  await using steps = ingest(files, store, pool, { mostBytes }, signal)
  for (;;) {
    const step = await steps.next()
    if (step.done === true) return step.value
    news.progress(step.value)
  }
}

export async function begin(
  { target, notes, labels }: Pick<Publication, 'target' | 'notes' | 'labels'>,
  custom: CustomUpload | undefined,
  { upstream, clock, newUuid }: Omit<PortalDeps, 'pool'>,
  signal: AbortSignal,
): Promise<Upload> {
  const request = { requestId: newUuid(), target, notes, labels, custom }
  const ask = () => upstream.uploads.beginUpload(request, { signal })
  const { upload } = await patiently(ask, clock, signal)
  if (upload !== undefined) return upload
  throw internal('INTERNAL', 'The portal began an upload and did not say which.')
}

/** Sent again until it is answered: the request takes effect once. */
export async function commit(
  { id: uploadId }: Upload,
  { packages, parent, release }: Pick<Publication, 'packages' | 'parent' | 'release'>,
  manifest: Manifest,
  storedBytes: bigint,
  news: Pick<PublishNews, 'built'>,
  { upstream, clock, newUuid }: Omit<PortalDeps, 'pool'>,
  signal: AbortSignal,
): Promise<Image> {
  const built = await news.built(sha256(encodeManifest(manifest)))
  const header: CommitHeading = {
    ...{
      requestId: newUuid(),
      uploadId,
      release,
      packages: [...packages],
      parent,
      built,
      storedBytes,
    },
  }
  const ask = () => upstream.uploads.commitUpload(commitMessages(header, manifest), { signal })
  const { image } = await patiently(ask, clock, signal)
  if (image !== undefined) return image
  throw internal('INTERNAL', 'The portal made an image and did not say which.')
}
