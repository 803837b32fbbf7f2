import { invalid, type Failure } from '../../lib/failure.ts'
import type { Availability } from '../../lib/names/availability.ts'
import { archOf, type Arch } from '../../lib/names/catalogue.ts'
import {
  Availability as AvailabilityCode,
  type ResolveImageRequest,
} from '../../proto/gen/merge/image/v1/resolver.ts'

/** A question as it was asked, understood. */
export interface Question {
  readonly reference: string
  readonly arch: Arch | undefined
  /** Empty for none. */
  readonly facility: string
  readonly availability: Availability
  readonly asOf: Date | undefined
  readonly explain: boolean
}

export function parseQuestion(request: ResolveImageRequest, now: Date): Question {
  const { reference, facility, explain } = request
  const availability = parseAvailability(request.availability)
  const asOf = parseAsOf(request.asOf, now)
  if (availability !== 'any' && facility === '') {
    throw wrong('facility', 'Say at which facility the image should be present.')
  }
  if (availability !== 'any' && asOf !== undefined) {
    throw wrong(
      'as_of',
      'What a facility held in the past is not known: ask as of a time, or for what is present.',
    )
  }
  return { reference, arch: parseArch(request.arch), facility, availability, asOf, explain }
}

/** An architecture in any spelling; undefined for an empty word. */
export function parseArch(word: string): Arch | undefined {
  if (word === '') return undefined
  const arch = archOf(word.toLowerCase())
  if (arch !== undefined) return arch
  throw wrong('arch', `"${word}" is no architecture: x86, aarch64 or riscv64.`)
}

function parseAvailability(code: AvailabilityCode): Availability {
  switch (code) {
    case AvailabilityCode.AVAILABILITY_UNSPECIFIED:
    case AvailabilityCode.AVAILABILITY_ANY:
      return 'any'
    case AvailabilityCode.AVAILABILITY_PREFER_PRESENT:
      return 'prefer-present'
    case AvailabilityCode.AVAILABILITY_PRESENT_ONLY:
      return 'present-only'
    default:
      throw wrong('availability', `There is no availability ${String(code)}.`)
  }
}

function parseAsOf(time: Date | undefined, now: Date): Date | undefined {
  if (time === undefined) return undefined
  if (Number.isNaN(time.getTime())) throw wrong('as_of', 'as_of is no time.')
  if (time.getTime() < 0) {
    throw wrong('as_of', `as_of ${time.toISOString()} is before 1970: there was no image then.`)
  }
  if (time <= now) return time
  throw wrong(
    'as_of',
    `as_of ${time.toISOString()} is in the future: by the portal's clock it is ${now.toISOString()}.`,
  )
}

function wrong(field: string, message: string): Failure {
  return invalid('INVALID_FIELD', message, { field })
}
