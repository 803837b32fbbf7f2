import { ImageState, type Image } from '../proto/gen/merge/image/v1/image.ts'
import type { Answer } from './command.ts'
import { imageJson } from './json.ts'
import { coloured, facts } from './table.ts'
import { bytes, duration, seconds } from './units.ts'
import { word } from './words.ts'

/** An image that came from a portable file. */
export interface Imported {
  readonly image: Image
  readonly outcome: keyof typeof sentences
  /** The exact name that it had where it was exported. */
  readonly source: string
  readonly readBytes: number
  /** Bytes that were not here. */
  readonly newBytes: number
  readonly elapsedMs: number
}

const sentences = {
  present: 'is here already, with the same digest',
  restored: 'is here again, with the same digest',
  published: 'is published, and',
  wanted: 'is here, as the portal wants it',
  custom: "is here as the facility's own, and",
} as const

export function imported({ image, outcome, source, ...sizes }: Imported): Answer {
  const { readBytes, newBytes, elapsedMs } = sizes
  const { name, digest } = image
  const renamed = name !== source
  const state = word(ImageState, image.state)
  return {
    json: {
      image: imageJson(image),
      ...{ outcome, source, renamed, readBytes, newBytes, seconds: seconds(elapsedMs) },
    },
    text: (paint) => {
      const sentence = sentences[outcome]
      const whole = sentence.endsWith('and') ? `${sentence} ${coloured(paint, state)}` : sentence
      const other = `\nIts name is another: it was ${source} where it was exported. The digest is the same.`
      return (
        `${paint('bold', name)} ${whole}.${renamed ? other : ''}\n\n` +
        facts(paint, [
          ['Digest', digest],
          ['Read', bytes(readBytes)],
          ['New', bytes(newBytes)],
          ['Took', duration(elapsedMs)],
        ])
      )
    },
  }
}
