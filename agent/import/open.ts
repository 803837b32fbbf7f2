import { invalid } from '../../lib/failure.ts'
import type { Place } from '../../lib/sources/place.ts'
import { directoryOrigin } from './directory.ts'
import type { Origin, OriginDeps } from './origin.ts'

/** Makes ready to look at a place; nothing is asked of it before its items are. */
export async function openOrigin(
  place: Place,
  deps: OriginDeps,
  signal?: AbortSignal,
): Promise<Origin> {
  signal?.throwIfAborted()
  if (place.kind === 'directory') return Promise.resolve(directoryOrigin(place, deps))
  const text = `This agent does not look at places of the kind ${place.kind}.`
  throw invalid('INVALID_FIELD', text, { field: 'place' })
}
