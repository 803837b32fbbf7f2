import type { Image } from '../../proto/gen/merge/image/v1/image.ts'
import {
  ResolveImageResponse,
  ResolverServiceService,
} from '../../proto/gen/merge/image/v1/resolver.ts'

/**
 * An answer whose image is already as it is sent: the bytes of the field `image`. A message is its fields one after the
 * other, so that these and the bytes of the rest are the answer.
 */
export interface Answer {
  readonly image: Buffer
  readonly rest: ResolveImageResponse
}

/** ResolverService past the generic codec, which would encode the same answers again for every call. */
export const resolverPlane = {
  ...ResolverServiceService,
  resolveImage: {
    ...ResolverServiceService.resolveImage,
    responseSerialize: (answer: Buffer): Buffer => answer,
  },
}

/** The bytes of an answer. */
export function encodeAnswer({ image, rest }: Answer): Buffer {
  return Buffer.concat([image, ResolveImageResponse.encode(rest).finish()])
}

/** The same as a message. */
export function toMessage({ image, rest }: Answer): ResolveImageResponse {
  return { ...rest, image: decodeImage(image) }
}

export function encodeImage(image: Image): Buffer {
  return Buffer.from(ResolveImageResponse.encode(ResolveImageResponse.create({ image })).finish())
}

export function decodeImage(field: Buffer): Image | undefined {
  return ResolveImageResponse.decode(field).image
}
