import { internal } from '../../lib/failure.ts'
import { readLine } from '../../lib/names/line.ts'
import { parseAliasName, renderAliasName, type Line } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { AliasServiceService, type Alias } from '../../proto/gen/merge/image/v1/alias.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { newGeneration } from '../generation.ts'
import { lockLine } from '../images/lines.ts'
import { cutPage, parsePage } from '../pages.ts'
import { demandShort } from '../remark.ts'
import { lockAim, lockUsable, parseAim } from './aim.ts'
import { imageToRestore, lineToResume } from './back.ts'
import { demandAlias, lockBehind, lockExisting, lockOrMake, noAlias } from './locks.ts'
import {
  findAlias,
  listAliases,
  listMoves,
  moveAliases,
  newestReleased,
  type Move,
} from './queries.ts'
import { renderAlias, renderMove } from './render.ts'

export function aliasService(deps: {
  readonly sql: Sql
}): Service<typeof AliasServiceService, [call: Call]> {
  const { sql } = deps
  const { setAlias, rollbackAlias, resumeAlias, deleteAlias } = AliasServiceService
  return {
    async setAlias(request, { caller }) {
      const alias = parseAliasName(request.alias)
      demandShort({ reason: request.reason })
      const aim = await parseAim(sql, alias, request)
      return once(sql, setAlias, caller, request, async (tx) => {
        const aimed = await lockAim(tx, aim)
        await lockOrMake(tx, alias, request.etag)
        const by = { kind: 'set', actor: caller.name, reason: request.reason } as const
        return { alias: await move(tx, renderAliasName(alias), { ...aimed, paused: false, ...by }) }
      })
    },

    async getAlias(request) {
      const name = renderAliasName(parseAliasName(request.alias))
      return { alias: renderAlias(demandAlias(await findAlias(sql, name), name)) }
    },

    async listAliases(request) {
      const filter = { namespace: request.namespace }
      const page = parsePage(request, filter)
      const found = await listAliases(sql, request.namespace, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name, filter)
      return { aliases: rows.map(renderAlias), nextPageToken }
    },

    async listAliasHistory(request) {
      const alias = renderAliasName(parseAliasName(request.alias))
      const page = parsePage(request, { alias })
      if ((await findAlias(sql, alias)) === undefined) throw noAlias(alias)
      const found = await listMoves(sql, alias, page)
      const keyOf = ({ version }: { readonly version: number }) => String(version)
      const { rows, nextPageToken } = cutPage(found, page, keyOf, { alias })
      return { moves: rows.map(renderMove), nextPageToken }
    },

    async rollbackAlias(request, { caller }) {
      const name = renderAliasName(parseAliasName(request.alias))
      demandShort({ reason: request.reason })
      return once(sql, rollbackAlias, caller, request, async (tx) => {
        const { alias, led: image } = await lockBehind(
          tx,
          request,
          (part, row) => imageToRestore(part, row, request.toVersion),
          (part, target) => lockUsable(part, target, anotherMove(name)),
        )
        const { follows } = alias
        const by = { kind: 'rollback', actor: caller.name, reason: request.reason } as const
        return { alias: await move(tx, name, { image, follows, paused: follows !== '', ...by }) }
      })
    },

    async resumeAlias(request, { caller }) {
      const name = renderAliasName(parseAliasName(request.alias))
      demandShort({ reason: request.reason })
      return once(sql, resumeAlias, caller, request, async (tx) => {
        const { alias, led: follows } = await lockBehind(
          tx,
          request,
          (_part, row) => Promise.resolve(lineToResume(row)),
          (part, line) => lockLine(part, lineOf(line)),
        )
        const image = (await newestReleased(tx, lineOf(follows))) ?? alias.image
        const by = { kind: 'resume', actor: caller.name, reason: request.reason } as const
        return { alias: await move(tx, name, { image, follows, paused: false, ...by }) }
      })
    },

    async deleteAlias(request, { caller }) {
      const name = renderAliasName(parseAliasName(request.alias))
      demandShort({ reason: request.reason })
      return once(sql, deleteAlias, caller, request, async (tx) => {
        await lockExisting(tx, name, request.etag)
        const by = { kind: 'delete', actor: caller.name, reason: request.reason } as const
        await move(tx, name, { image: null, follows: '', paused: false, ...by })
        return {}
      })
    },
  }
}

/** Moves an alias that is locked; from the next generation on it is there. */
async function move(tx: Transaction, name: string, to: Move): Promise<Alias> {
  const [moved] = await moveAliases(tx, [name], to)
  if (moved === undefined) throw internal('INTERNAL', `the alias ${name} is locked and not there`)
  await newGeneration(tx, { aliases: [name] })
  return renderAlias(moved)
}

function anotherMove(name: string): string {
  return `choose a move to another image with --to, of those that "mrg-image history ${name}" shows`
}

function lineOf(text: string): Line {
  const line = readLine(text)
  if (line === undefined) throw internal('INTERNAL', `an alias follows "${text}", which is no line`)
  return line
}
