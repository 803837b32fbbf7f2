import type { HealingSource } from '../../lib/chunks/healing.ts'
import type { Limit } from '../../lib/chunks/limit.ts'
import { type Digest, parseDigest } from '../../lib/content/digest.ts'
import { decodeManifest } from '../../lib/content/encoding.ts'
import { invalid, missing } from '../../lib/failure.ts'
import { parseImageName } from '../../lib/names/name.ts'
import { numberedFile, type OfferedFile, type OfferedImage } from '../../lib/offered/offer.ts'
import { startOffering, type Offered, type OfferSettings } from '../../lib/offered/starting.ts'
import type { World } from '../../lib/service.ts'
import { verifier } from '../../lib/workers/verifier.ts'
import type { Artifact, Image } from '../../proto/gen/merge/image/v1/image.ts'
import type { Storage } from '../storage.ts'
import type { SyncDeps } from '../sync.ts'
import { offerableOf } from './offerable.ts'

interface Deps extends Pick<World, 'log'> {
  readonly facility: string
  /** Whether this is the portal's own agent, which holds no images. */
  readonly isPortals: boolean
  readonly sync: Pick<SyncDeps, 'state' | 'clock'>
  readonly storage: Omit<Storage, 'store'> & { readonly store: HealingSource }
  readonly limit: Limit
}

/** Offers the images that are here and that anybody may have, if it is to. */
export async function offerPresent(
  settings: OfferSettings,
  { facility, isPortals, sync, storage, limit, log }: Deps,
  stack: AsyncDisposableStack,
): Promise<Offered | undefined> {
  if (isPortals && settings.offer !== undefined) {
    const text =
      "--offer is for a facility's agent or the portal: the portal's own agent holds no images."
    throw invalid('INVALID_FIELD', text, { field: 'offer' })
  }
  const { images, usage, uncompressed, store, pool, offered: table } = storage
  const { state, clock } = sync
  const offering = {
    ...{ store, pool, table, clock, limit, log, verify: verifier(pool) },
    images: () => {
      const told = state.desired.images.flatMap(({ image }) => image ?? [])
      const known = { present: images.present(), uncompressed: uncompressed.images(), told }
      const offerable = offerableOf(known, facility)
      return Promise.resolve(offerable.map((image) => offeredImage(image, state.desired.aliases)))
    },
    manifestOf: ({ name, digest }: OfferedImage) => {
      const bytes = images.manifest(digest)
      if (bytes !== undefined) return Promise.resolve(decodeManifest(bytes))
      throw missing('NOT_PRESENT', `${name} is not here any more.`, { name })
    },
    reading: ({ name }: OfferedImage) => {
      usage.note(name)
      return usage.pin(name)
    },
  }
  return startOffering(settings, offering, stack)
}

function offeredImage(
  { name, digest, createTime, heldBack, artifacts }: Image,
  aliases: readonly { readonly name: string; readonly image: string }[],
): OfferedImage {
  return {
    ...{ name, heldBack, fields: parseImageName(name), digest: parseDigest(digest) },
    createTime: createTime ?? new Date(0),
    files: artifacts.flatMap(fileOf),
    aliases: aliases.filter(({ image }) => image === name).map((alias) => alias.name),
  }
}

function fileOf({ kind, boot, mediaType, sizeBytes, sha256 }: Artifact): OfferedFile[] {
  const digest = sha256.replace(/^sha256:/, '') as Digest
  return numberedFile({ kind, boot, mediaType, sizeBytes: Number(sizeBytes), sha256: digest })
}
