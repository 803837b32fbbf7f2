import { invalid } from '../../lib/failure.ts'
import type { DirectoryPlace } from '../../lib/sources/place.ts'
import type { Origin, OriginDeps } from './origin.ts'

/** Files of the agent's own machine. */
export function directoryOrigin(
  { path }: DirectoryPlace,
  _deps: Pick<OriginDeps, 'importFolders'>,
): Origin {
  throw invalid('INVALID_FIELD', `${path} lies below no folder that the agent's owner opened.`)
}
