import { ImageState, type Image } from '../../proto/gen/merge/image/v1/image.ts'

/** Whether a facility may offer an image to anybody: the portal's as long as they are released, its own if they are shared. */
export function mayOffer(
  { name, state, custom }: Pick<Image, 'name' | 'state' | 'custom'>,
  facility: string,
): boolean {
  if (state !== ImageState.IMAGE_STATE_RELEASED) return false
  if (custom !== undefined) return custom.facility === facility && custom.shared
  return !name.includes('/') || name.startsWith(`${facility}/`)
}

/** What is known of a facility's images at a moment. */
export interface Known {
  /** Those that are here. */
  readonly present: readonly Pick<Image, 'name'>[]
  /** Those of whose chunks some lie raw until they are compressed. */
  readonly uncompressed: readonly string[]
  /** Those that the portal speaks of, as it does. */
  readonly told: readonly Image[]
}

/** What the facility offers, as the portal speaks of it: what it speaks of no more may be revoked, or shared with nobody. */
export function offerableOf({ present, uncompressed, told }: Known, facility: string): Image[] {
  const said = new Map(told.map((image) => [image.name, image]))
  // Their bytes are about to be others, and so are the digests of what would be offered.
  const changing = new Set(uncompressed)
  return present
    .filter(({ name }) => !changing.has(name))
    .flatMap(({ name }) => said.get(name) ?? [])
    .filter((image) => mayOffer(image, facility))
}
