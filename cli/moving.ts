import { unavailable } from '../lib/failure.ts'
import type { Image, ImageMove } from '../proto/gen/merge/image/v1/image.ts'
import type { Context } from './command.ts'
import { present } from './find.ts'
import { images } from './images.ts'
import type { Progress } from './progress.ts'
import { plain } from './units.ts'

/** Follows the move of an image's bytes, and answers how the image is once there is none. */
export async function whileMoving(context: Context, name: string): Promise<Image> {
  const { signal } = context
  using meter = context.meter()
  let told = ''
  try {
    for await (const step of images(context).watchImage({ name }, { signal })) {
      const image = present(step.image)
      const { move } = image
      if (move === undefined) return image
      if (move.error !== '' && move.error !== told) {
        context.note(`It is tried again: ${plain(move.error)}`)
      }
      told = move.error
      meter.show(moveProgress(name, move))
    }
  } catch (failure) {
    if (signal.aborted) {
      context.note(`The portal goes on: \`mrg-image show ${name}\` says how far it is.`)
    }
    throw failure
  }
  throw unavailable('NOT_READY', 'The portal stopped telling before the move had ended.')
}

function moveProgress(label: string, { totalBytes, doneBytes, error }: ImageMove): Progress {
  const detail = error === '' ? '' : 'waiting to be tried again'
  return { label, doneBytes: Number(doneBytes), totalBytes: Number(totalBytes), detail }
}
