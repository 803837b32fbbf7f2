import { errorCode, invalid, unavailable } from '../../lib/failure.ts'

const lost = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  '57P01',
  '57P02',
  '57P03',
])

/** A character that no text holds, a number out of range, a text that is no number. */
const unstorable = new Set(['22021', '22P05', '22003', '22P02'])

/**
 * A database that cannot be reached is no defect of the call: the caller may try again. Nor is a value that no column
 * takes, which came from the caller.
 */
export function recogniseDatabase(error: unknown): unknown {
  const code = errorCode(error) ?? ''
  if (unstorable.has(code)) {
    const text =
      'A field of the request has a value that cannot be kept: a zero character, or a number out of range.'
    return invalid('INVALID_FIELD', text, {}, error)
  }
  if (!lost.has(code)) return error
  return unavailable(
    'NOT_READY',
    'The portal cannot reach its database: try again in a moment.',
    {},
    error,
  )
}
