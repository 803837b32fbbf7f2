import { unavailable } from '../../lib/failure.ts'
import {
  ProjectionState,
  type ListProjectionsResponse,
  type Projection,
} from '../../proto/gen/merge/image/v1/local.ts'
import type { Projector } from './projecting.ts'

/** What lies where the imaging service looks, and what is to. */
export function listProjections(
  projecting: Pick<Projector, 'now'> | undefined,
): ListProjectionsResponse {
  if (projecting === undefined) {
    const text = 'This agent lays no images out: start it with --project (docs/projection.md).'
    throw unavailable('NOT_READY', text)
  }
  const { place, laid, waiting, setbacks } = projecting.now()
  const lacking = new Set(waiting.map(({ key }) => key))
  const there = laid
    .filter(({ key }) => !lacking.has(key))
    .map(({ key, name, image, time: layTime }): Projection => {
      return {
        key,
        name,
        image,
        layTime,
        state: ProjectionState.PROJECTION_STATE_LAID_OUT,
        error: '',
      }
    })
  const missing = waiting.map(({ key, name, image }): Projection => {
    const error = setbacks.get(key)?.failure.message
    const state =
      error === undefined
        ? ProjectionState.PROJECTION_STATE_WAITING
        : ProjectionState.PROJECTION_STATE_FAILED
    return { key, name, image, state, layTime: undefined, error: error ?? '' }
  })
  return { place, projections: [...there, ...missing].toSorted((a, b) => (a.key < b.key ? -1 : 1)) }
}
