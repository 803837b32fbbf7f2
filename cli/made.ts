import type { IngestProgress } from '../lib/images/supply.ts'
import { ImageState, type Image } from '../proto/gen/merge/image/v1/image.ts'
import type { Answer, Paint } from './command.ts'
import { imageJson } from './json.ts'
import { coloured, facts } from './table.ts'
import { bytes, counted, duration, rate, seconds, share } from './units.ts'
import { word } from './words.ts'

/** An image as it was made, and what that took. */
export interface Made {
  readonly image: Image
  readonly sent: IngestProgress
  readonly packages: number
  readonly elapsedMs: number
}

export function published(made: Made): Answer {
  const { image } = made
  const state = word(ImageState, image.state)
  const text = (paint: Paint): string =>
    `${paint('bold', image.name)} is published, and ${coloured(paint, state)}.\n\n` +
    facts(paint, madeFacts(made))
  return { json: madeJson(made), text }
}

export function madeJson({ image, sent, packages, elapsedMs }: Made) {
  const { totalBytes, newRawBytes, sentBytes } = sent
  const sizes = { totalBytes, newRawBytes, sentBytes, packages }
  return { image: imageJson(image), ...sizes, seconds: seconds(elapsedMs) }
}

export function madeFacts(made: Made): readonly (readonly [string, string])[] {
  const { image, sent, packages, elapsedMs } = made
  const { totalBytes, newRawBytes, sentBytes } = sent
  const { digest, storedBytes, chunkCount } = image
  const stored = `stored as ${bytes(storedBytes)} in ${counted(chunkCount, 'chunk')}`
  const part = `${share(sentBytes, storedBytes)} of what is stored`
  return [
    ['Digest', digest],
    ['Size', `${bytes(totalBytes)}, ${stored}`],
    ['New', `${bytes(newRawBytes)}, sent as ${bytes(sentBytes)} (${part})`],
    ...(packages > 0 ? [['Packages', String(packages)] as const] : []),
    ['Took', `${duration(elapsedMs)}, ${rate(totalBytes, elapsedMs)}`],
  ]
}
