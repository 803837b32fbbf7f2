import { Failure, missing } from '../../lib/failure.ts'
import { readImageName } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type {
  LockedNode,
  ResolverServiceService,
  UpgradedNode,
} from '../../proto/gen/merge/image/v1/resolver.ts'
import { renderFailure } from '../resolver/answer.ts'
import type { Answered } from '../resolver/resolving.ts'
import { createLock, type LockDeps } from './create.ts'
import { demandFew } from './nodes.ts'
import { isUsable, verifyPin } from './pins.ts'
import { findLock, findPins, findStandings } from './queries.ts'
import { renderLock } from './render.ts'
import { resolveNodes } from './resolved.ts'

type LockMethods = Pick<
  Service<typeof ResolverServiceService, [call: Call]>,
  'createLock' | 'getLock' | 'verifyLock' | 'upgradeLock'
>

/** The part of the resolver that pins what references mean. */
export function lockMethods(deps: LockDeps): LockMethods {
  const { sql, resolver } = deps
  return {
    createLock: (request, { caller }) => createLock(deps, request, caller),

    async getLock({ lock: id }) {
      const row = ulid.test(id) ? await findLock(sql, id.toUpperCase()) : undefined
      if (row === undefined) throw noLock(id)
      return { lock: renderLock(row, await findPins(sql, row.id)) }
    },

    async verifyLock({ nodes }) {
      demandFew(nodes)
      const names = [...new Set(nodes.map(({ image }) => image))]
      const known = names.filter((name) => readImageName(name) !== undefined)
      const standings = await findStandings(sql, known)
      const verified = nodes.map((node) => verifyPin(node, standings.get(node.image)))
      return { nodes: verified, usable: verified.every(isUsable) }
    },

    async upgradeLock({ nodes, facility }) {
      demandFew(nodes)
      const { generation, answers } = await resolveNodes(resolver, nodes, facility)
      return { generation, nodes: answers.map(({ node, answer }) => upgraded(node, answer)) }
    },
  }
}

const ulid = /^[0-9A-HJKMNP-TV-Z]{26}$/i

function upgraded(node: LockedNode, answer: Answered | Failure): UpgradedNode {
  if (answer instanceof Failure) {
    return { node, image: '', digest: '', changed: false, failure: renderFailure(answer) }
  }
  const { name: image, digest } = answer
  const changed = image !== node.image || digest !== node.digest
  return { node, image, digest, changed, failure: undefined }
}

function noLock(id: string): Failure {
  const text = `There is no lock "${id.slice(0, 40)}": the id of a lock stands at the head of its images.lock.`
  return missing('LOCK_NOT_FOUND', text, { lock: id.slice(0, 40) })
}
