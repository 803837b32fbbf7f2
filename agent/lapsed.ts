import type { Image } from '../proto/gen/merge/image/v1/image.ts'

/**
 * The images that have had their time: a facility's own that are past it, and that it should not hold any more. One that was
 * renewed is among those that it should hold, whatever is written in its copy here; one that has just been made, and that the
 * portal has not told back yet, has its time before it.
 */
export function lapsedImages(
  present: readonly Image[],
  desired: readonly { readonly image: Image | undefined }[],
  now: Date,
): readonly string[] {
  const wanted = new Set(desired.flatMap(({ image }) => image?.name ?? []))
  const isOver = ({ custom }: Image): boolean =>
    custom?.expireTime !== undefined && custom.expireTime < now
  return present.filter((image) => isOver(image) && !wanted.has(image.name)).map(({ name }) => name)
}
