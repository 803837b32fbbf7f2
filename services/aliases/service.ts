import { invalid, missing, precondition } from '../../lib/failure.ts'
import {
  parseAliasName,
  parseImageName,
  renderAliasName,
  renderImageName,
} from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { AliasServiceService, type Alias } from '../../proto/gen/merge/image/v1/alias.ts'
import { bumpGeneration } from '../catalog/queries.ts'
import { announce } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { lockImage } from '../images/queries.ts'
import { noImage, staleEtag } from '../images/service.ts'
import { cutPage, parsePage } from '../pages.ts'
import { findAlias, listAliases, moveAlias, type AliasRow } from './queries.ts'

export function aliasService(deps: {
  readonly sql: Sql
}): Service<typeof AliasServiceService, [call: Call]> {
  const { sql } = deps
  return {
    async setAlias(request, { caller }) {
      const alias = parseAliasName(request.alias)
      const image = parseImageName(request.image)
      if (alias.namespace !== image.namespace) {
        throw invalid('INVALID_FIELD', 'An alias points at images of its own namespace only.', {
          field: 'image',
        })
      }
      const name = renderAliasName(alias)
      const move = {
        name,
        facility: alias.namespace === '' ? null : alias.namespace,
        image: renderImageName(image),
        actor: caller.name,
        reason: request.reason,
      }
      return once(sql, AliasServiceService.setAlias, caller, request, async (tx) => {
        const target = await lockImage(tx, move.image)
        if (target === undefined) throw noImage(move.image)
        if (target.state === 'candidate' || target.state === 'revoked') {
          throw precondition(
            'WRONG_STATE',
            `${move.image} is ${target.state}: an alias points at released images.`,
            { state: target.state },
          )
        }
        const moved = await moveAlias(tx, move, request.etag)
        if (moved === undefined) throw staleEtag(`The alias ${name}`)
        await bumpGeneration(tx)
        await announce(tx)
        return { alias: renderAlias(moved) }
      })
    },

    async getAlias(request) {
      const name = renderAliasName(parseAliasName(request.alias))
      const row = await findAlias(sql, name)
      if (row === undefined) {
        throw missing(
          'ALIAS_NOT_FOUND',
          `There is no alias ${name}; "mrg-image list aliases" shows those that there are.`,
          { alias: name },
        )
      }
      return { alias: renderAlias(row) }
    },

    async listAliases(request) {
      const filter = { namespace: request.namespace }
      const page = parsePage(request, filter)
      const found = await listAliases(sql, request.namespace, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name, filter)
      return { aliases: rows.map(renderAlias), nextPageToken }
    },
  }
}

export function renderAlias(row: AliasRow): Alias {
  return {
    name: row.name,
    image: row.image,
    actor: row.actor,
    reason: row.reason,
    updateTime: row.updateTime,
    etag: String(row.version),
  }
}
