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
