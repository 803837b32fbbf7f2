import { renderResolution } from '../lib/names/answer.ts'
import { indexImages } from '../lib/names/images.ts'
import { parseCatalogue } from '../lib/names/message.ts'
import { parseImageName, renderAliasName, renderImageName } from '../lib/names/name.ts'
import { resolve, type World } from '../lib/names/resolve.ts'
import type { Image as KnownImage } from '../lib/names/images.ts'
import type { WatchDesiredStateResponse } from '../proto/gen/merge/image/v1/agent.ts'
import { ImageState, type Image } from '../proto/gen/merge/image/v1/image.ts'

/**
 * What a reference means among the images that are here, by the words that the portal told last. Those that are wanted and
 * not here yet are known by name.
 */
export function resolveHere(
  reference: string,
  present: readonly Image[],
  desired: WatchDesiredStateResponse,
  now: Date,
): { readonly image: string } & ReturnType<typeof renderResolution> {
  const here = new Map(present.map((image) => [image.name, image]))
  const wanted = desired.images.flatMap(({ image }) => image ?? [])
  const known = new Map([...here, ...wanted.map((image) => [image.name, image] as const)])
  const resolution = resolve(worldOf([...known.values()], desired), reference, {
    now,
    present: ({ name }) => here.has(renderImageName(name)),
  })
  return { image: renderImageName(resolution.image.name), ...renderResolution(resolution) }
}

function worldOf(images: readonly Image[], desired: WatchDesiredStateResponse): World {
  const catalogue = parseCatalogue(
    desired.catalogue ?? { distros: [], roles: [], defaultArch: 'x86', generation: 0n },
  )
  const aliases = new Map(desired.aliases.map(({ name, image }) => [name, image]))
  return {
    catalogue,
    images: indexImages(images.map(toKnown), catalogue),
    alias: (name) => aliases.get(renderAliasName(name)),
  }
}

function toKnown({ name, digest, state }: Image): KnownImage {
  return {
    name: parseImageName(name),
    digest: digest.replace('sha256:', ''),
    state: stateOf(state),
    storage: 'present',
    heldBack: false,
  }
}

function stateOf(state: ImageState): KnownImage['state'] {
  if (state === ImageState.IMAGE_STATE_RELEASED) return 'released'
  if (state === ImageState.IMAGE_STATE_DEPRECATED) return 'deprecated'
  return state === ImageState.IMAGE_STATE_REVOKED ? 'revoked' : 'candidate'
}
