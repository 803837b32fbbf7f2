import { Failure, internal } from '../lib/failure.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { ResolveImageRequest } from '../proto/gen/merge/image/v1/resolver.ts'
import type { LocalDeps } from './local.ts'
import { resolveHere } from './resolve.ts'

const askMs = 10_000

export type MeaningDeps = Pick<
  LocalDeps,
  'upstream' | 'facility' | 'images' | 'state' | 'now' | 'newUuid'
>

/** The image: the portal's answer, or, while it cannot be reached, one of those here. */
export async function meaning(
  reference: string,
  { upstream, facility, images, state, now }: MeaningDeps,
  signal: AbortSignal,
): Promise<Image> {
  try {
    const request = ResolveImageRequest.create({ reference, facility })
    const options = { signal, deadlineMs: askMs }
    const { image } = await upstream.resolver.resolveImage(request, options)
    if (image !== undefined) return image
    throw internal('INTERNAL', `The portal's answer for "${reference}" has no image.`)
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error
    try {
      const { image } = resolveHere(reference, images.present(), state.desired, now())
      const found = images.find(image)
      if (found !== undefined) return found
    } catch {
      // What is not here can only come from a portal that answers: that is what to tell.
    }
    throw error
  }
}
