import { errorCode, unavailable } from '../../lib/failure.ts'

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

/** A database that cannot be reached is no defect of the call: the caller may try again. */
export function recogniseDatabase(error: unknown): unknown {
  if (!lost.has(errorCode(error) ?? '')) return error
  return unavailable(
    'NOT_READY',
    'The portal cannot reach its database: try again in a moment.',
    {},
    error,
  )
}
