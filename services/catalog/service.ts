import { invalid } from '../../lib/failure.ts'
import { distroOf } from '../../lib/names/catalogue.ts'
import { renderCatalogue, renderDistro } from '../../lib/names/message.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { CatalogServiceService } from '../../proto/gen/merge/image/v1/catalog.ts'
import type { Sql } from '../db/open.ts'
import { readCatalogue } from './queries.ts'

export function catalogService(deps: {
  readonly sql: Sql
}): Service<typeof CatalogServiceService, [call: Call]> {
  const { sql } = deps
  return {
    async listDistros() {
      const { catalogue, generation } = await readCatalogue(sql)
      return renderCatalogue(catalogue, generation)
    },

    async getDistro({ distro: word }) {
      const { catalogue } = await readCatalogue(sql)
      const distro = distroOf(catalogue, word.toLowerCase())
      if (distro !== undefined) return { distro: renderDistro(distro) }
      const nearest = catalogue.distros.map(({ id }) => id).join(', ')
      throw invalid('UNKNOWN_DISTRO', `There is no distro "${word}"; known are ${nearest}.`, {
        nearest,
      })
    },
  }
}
