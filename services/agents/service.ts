import { invalid, unavailable } from '../../lib/failure.ts'
import { renderCatalogue } from '../../lib/names/message.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  WatchDesiredStateResponse,
  type AgentServiceService,
} from '../../proto/gen/merge/image/v1/agent.ts'
import { aliasesOf } from '../aliases/queries.ts'
import { renderAlias } from '../aliases/render.ts'
import { readCatalogue } from '../catalog/queries.ts'
import { announce, type Changes } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { getFacility } from '../facilities/service.ts'
import { findImages } from '../images/queries.ts'
import { renderImage } from '../images/render.ts'
import { keepReport, peersOf, wantedImages } from './queries.ts'

export function agentService(deps: {
  readonly sql: Sql
  readonly changes: Changes
}): Service<typeof AgentServiceService, [call: Call]> {
  const { sql, changes } = deps
  return {
    async *watchDesiredState({ facility }, { signal, closing }) {
      const over = AbortSignal.any([signal, closing])
      let sent: Uint8Array = new Uint8Array()
      while (!over.aborted) {
        // Listening begins before reading, so that no change falls between the two.
        const changed = changes.next(over)
        const state = await desiredState(sql, facility)
        const bytes = WatchDesiredStateResponse.encode(state).finish()
        if (Buffer.compare(bytes, sent) !== 0) yield state
        sent = bytes
        await changed
      }
      throw unavailable('NOT_READY', 'The portal is stopping: connect again in a moment.')
    },

    async reportState(report) {
      if (new Set(report.replicas.map(({ image }) => image)).size < report.replicas.length) {
        throw invalid('INVALID_FIELD', 'A report names each image once.', { field: 'replicas' })
      }
      await sql.begin(async (tx) => {
        await getFacility(tx, report.facility)
        if (await keepReport(tx, report)) await announce(tx)
      })
      return {}
    },
  }
}

async function desiredState(sql: Sql, name: string): Promise<WatchDesiredStateResponse> {
  const { desiredGeneration } = await getFacility(sql, name)
  const wanted = await wantedImages(sql, name)
  const { catalogue, generation } = await readCatalogue(sql)
  const names = wanted.map(({ image }) => image)
  const rows = new Map((await findImages(sql, names)).map((row) => [row.name, row]))
  const aliases = await aliasesOf(sql, names)
  return {
    generation: desiredGeneration,
    images: wanted.flatMap(({ image, holders }) => {
      const row = rows.get(image)
      return row === undefined
        ? []
        : [{ image: renderImage(row, catalogue), holders: [...holders] }]
    }),
    peers: await peersOf(sql, name),
    catalogue: renderCatalogue(catalogue, generation),
    aliases: aliases.map(renderAlias),
  }
}
