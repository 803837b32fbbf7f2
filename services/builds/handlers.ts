import type { BlobStore } from '../../lib/chunks/blobs.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { BuildServiceService } from '../../proto/gen/merge/image/v1/build.ts'
import type { Room } from '../builders/claiming.ts'
import { builderHandlers } from '../builders/service.ts'
import type { BuildNews } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { recipeHandlers } from '../recipes/service.ts'
import { buildHandlers } from './service.ts'

/** BuildService: what recipes, people and builders ask of it. */
export function buildService(deps: {
  readonly sql: Sql
  readonly blobs: Pick<BlobStore, 'range' | 'stat'>
  readonly news: BuildNews
  readonly now: () => Date
  readonly clock: () => number
  readonly newUlid: () => string
  readonly room: Room
  readonly facilityRecipeBytes: number
}): Service<typeof BuildServiceService, [call: Call]> {
  return { ...recipeHandlers(deps), ...buildHandlers(deps), ...builderHandlers(deps) }
}
