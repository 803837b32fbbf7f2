import { invalid } from '../../lib/failure.ts'
import { renderRejections, renderResolution } from '../../lib/names/answer.ts'
import { archOf, type Arch } from '../../lib/names/catalogue.ts'
import { explain } from '../../lib/names/explain.ts'
import { renderImageName } from '../../lib/names/name.ts'
import { resolve } from '../../lib/names/resolve.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { ResolverServiceService } from '../../proto/gen/merge/image/v1/resolver.ts'
import type { Sql } from '../db/open.ts'
import { getImage } from '../images/service.ts'
import { worldSnapshot } from './queries.ts'

export function resolverService(deps: {
  readonly sql: Sql
  readonly now: () => Date
}): Service<typeof ResolverServiceService, [call: Call]> {
  const { sql, now } = deps
  const snapshot = worldSnapshot(sql)
  return {
    async resolveImage(request) {
      const { world, generation } = await snapshot()
      const context = { now: now(), ...archContext(request.arch) }
      const resolution = resolve(world, request.reference, context)
      const rejections = request.explain ? explain(world, request.reference, context) : []
      return {
        image: await getImage(sql, renderImageName(resolution.image.name)),
        ...renderResolution(resolution),
        generation,
        rejected: renderRejections(rejections),
      }
    },
  }
}

function archContext(word: string): { readonly arch?: Arch } {
  if (word === '') return {}
  const arch = archOf(word.toLowerCase())
  if (arch !== undefined) return { arch }
  throw invalid('INVALID_FIELD', `"${word}" is no architecture: x86, aarch64 or riscv64.`, {
    field: 'arch',
  })
}
