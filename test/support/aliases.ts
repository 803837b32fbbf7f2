import { randomUUID } from 'node:crypto'
import {
  DeleteAliasRequest,
  ResumeAliasRequest,
  RollbackAliasRequest,
  SetAliasRequest,
  type Alias,
  type AliasMove,
} from '../../proto/gen/merge/image/v1/alias.ts'
import type { Clients } from './portal.ts'

/** The calls on aliases, each with a request id of its own, as one that is sent once has. */
export function aliasCalls({ aliases }: Clients) {
  const some = (answer: { readonly alias?: Alias | undefined }): Alias => {
    if (answer.alias === undefined) throw new Error('an answer without an alias')
    return answer.alias
  }
  const sent = <T extends object>(alias: string, more: T) => ({
    requestId: randomUUID(),
    alias,
    ...more,
  })
  return {
    set: async (alias: string, image: string, more: Partial<SetAliasRequest> = {}) =>
      some(await aliases.setAlias(SetAliasRequest.create(sent(alias, { image, ...more })))),
    follow: async (alias: string, follow: string, more: Partial<SetAliasRequest> = {}) =>
      some(await aliases.setAlias(SetAliasRequest.create(sent(alias, { follow, ...more })))),
    get: async (alias: string) => some(await aliases.getAlias({ alias })),
    rollBack: async (alias: string, more: Partial<RollbackAliasRequest> = {}) =>
      some(await aliases.rollbackAlias(RollbackAliasRequest.create(sent(alias, more)))),
    resume: async (alias: string, more: Partial<ResumeAliasRequest> = {}) =>
      some(await aliases.resumeAlias(ResumeAliasRequest.create(sent(alias, more)))),
    remove: async (alias: string, more: Partial<DeleteAliasRequest> = {}) => {
      await aliases.deleteAlias(DeleteAliasRequest.create(sent(alias, more)))
    },
    /** Every move, the oldest first. */
    history: async (alias: string): Promise<readonly AliasMove[]> => {
      const { moves } = await aliases.listAliasHistory({ alias, pageSize: 1000, pageToken: '' })
      return moves.toReversed()
    },
  }
}
