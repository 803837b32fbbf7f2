import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { SourceServiceService } from '../../proto/gen/merge/image/v1/source.ts'
import { scanHandlers } from './agents.ts'
import { sourceHandlers, type SourceDeps } from './service.ts'

/** SourceService: what people and agents ask of it. */
export function sourceService(
  deps: SourceDeps,
): Service<typeof SourceServiceService, [call: Call]> {
  return { ...sourceHandlers(deps), ...scanHandlers(deps) }
}
