import { invalid, type Failure } from '../../lib/failure.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import { yearsAfter } from '../../lib/retention/calendar.ts'
import type { CreateHoldsRequest } from '../../proto/gen/merge/image/v1/hold.ts'
import { demandShort } from '../remark.ts'
import type { HoldKindName } from './queries.ts'
import { kindName } from './render.ts'

const mostImages = 1000
const mostYears = 10

/** What somebody asks for who holds images. */
export interface Terms {
  /** Exact names, each once. */
  readonly images: readonly string[]
  readonly kind: HoldKindName
  readonly reason: string
  readonly link: string
  readonly expireTime: Date | null
}

/** Reads what is asked for, or says which rule of holds it breaks. */
export function parseTerms(request: CreateHoldsRequest, now: Date): Terms {
  const { reason, link, expireTime } = request
  const images = parseImages(request.images)
  const kind = kindName(request.kind)
  if (kind === '') throw wrong('kind', 'Say what the images are held for: the kind is missing.')
  if (kind === 'lock') {
    throw wrong('kind', 'A lock places its holds itself: make one, or choose another kind.')
  }
  demandShort({ reason, link })
  if (reason.trim() === '') {
    throw wrong('reason', 'Whoever wonders why an image is kept reads the reason: give one.')
  }
  if (kind === 'materialization' && link === '') {
    const text = 'The holds of a materialization are released by its link: give one.'
    throw wrong('link', text)
  }
  return { images, kind, reason, link, expireTime: parseEnd(kind, expireTime, now) }
}

/** When a hold of a kind may lapse; null for never. */
export function parseEnd(kind: HoldKindName, time: Date | undefined, now: Date): Date | null {
  const isPassing = kind === 'person' || kind === 'materialization'
  if (time === undefined) {
    if (kind !== 'person') return null
    throw wrong('expire_time', 'What a person holds is held until some day: say until when.')
  }
  if (!(time > now)) throw wrong('expire_time', 'A hold lapses in the future: this time is past.')
  if (isPassing && time > yearsAfter(now, mostYears)) {
    const text = `A hold of this kind lapses after ${mostYears} years at most, and can be renewed: choose an earlier time, or hold the image as an artifact.`
    throw wrong('expire_time', text)
  }
  return time
}

function parseImages(texts: readonly string[]): readonly string[] {
  if (texts.length === 0 || texts.length > mostImages) {
    const text = `A call holds 1 to ${mostImages} images, and this one names ${texts.length}.`
    throw wrong('images', text)
  }
  const names = texts.map((text) => renderImageName(parseImageName(text)))
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw wrong('images', `${name} is there twice: name each image once.`)
    seen.add(name)
  }
  return names
}

function wrong(field: string, text: string): Failure {
  return invalid('INVALID_FIELD', text, { field })
}
