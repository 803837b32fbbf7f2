import { denied, unidentified } from '../../lib/failure.ts'
import { portalsOwn } from '../../lib/names/name.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Definition, Service } from '../../lib/rpc/service.ts'
import { AgentServiceService } from '../../proto/gen/merge/image/v1/agent.ts'
import { FacilityServiceService } from '../../proto/gen/merge/image/v1/facility.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { demandAuthority, issueFor, secretHashOf, tokenOf, type Issuing } from './issuing.ts'
import { findCertificate, lockCertificates } from './issued.ts'
import { insertJoinToken, useJoinToken } from './queries.ts'

export interface JoiningDeps {
  readonly sql: Sql
  readonly issuing: Issuing | undefined
}

const tokenMs = 10 * 60 * 1000

type Of<D extends Definition, K extends keyof D> = Pick<Service<D, [call: Call]>, K>

/** How a machine becomes a facility's agent, and stays it. */
export type Joining = Of<typeof FacilityServiceService, 'createJoinToken'> &
  Of<typeof AgentServiceService, 'enroll' | 'renewCertificate'>

export function joining({ sql, issuing }: JoiningDeps): Joining {
  return {
    async createJoinToken(request, { caller }) {
      const using = demandAuthority(issuing)
      const method = FacilityServiceService.createJoinToken
      const made = await once(sql, method, caller, request, async (tx) => {
        const facility = await demandFacility(tx, request.facility)
        const [id, now] = [using.newUlid(), using.now()]
        const expireTime = new Date(now.getTime() + tokenMs)
        const secretHash = secretHashOf('join', id, using)
        const token = { id, facility, expireTime, secretHash, now, actor: caller.name }
        await insertJoinToken(tx, token)
        return { id, expireTime, token: '' }
      })
      return { ...made, token: tokenOf('join', made.id, using) }
    },

    async enroll(request, { caller }) {
      const using = demandAuthority(issuing)
      const { id, facility } = joinerOf(caller)
      return once(sql, AgentServiceService.enroll, caller, request, async (tx) => {
        await lockCertificates(tx, facility)
        if (!(await useJoinToken(tx, id, using.now()))) {
          const text = `The token was used before: "mrg-image new token ${facility}" makes another.`
          throw denied('TOKEN_USED', text, { facility })
        }
        return { ...(await issueFor(tx, facility, request.certificateRequest, using)), facility }
      })
    },

    async renewCertificate(request, { caller }) {
      const using = demandAuthority(issuing)
      return once(sql, AgentServiceService.renewCertificate, caller, request, async (tx) => {
        const facility = await demandFacility(tx, request.facility)
        const shown = await demandStanding(tx, facility, caller)
        return issueFor(tx, facility, request.certificateRequest, using, shown)
      })
    },
  }
}

/** What the portal's own agent belongs to is no facility, and joins as one. */
async function demandFacility(tx: Transaction, name: string): Promise<string> {
  return name === portalsOwn ? name : (await getFacility(tx, name)).name
}

/** The number of the certificate that the caller shows; whoever revokes it waits, or was first. */
async function demandStanding(
  tx: Transaction,
  facility: string,
  { credential }: Caller,
): Promise<string> {
  await lockCertificates(tx, facility)
  const [, serial = ''] = /^certificate:(.+)$/.exec(credential?.id ?? '') ?? []
  const found = await findCertificate(tx, serial)
  if (found === undefined || found.revokeTime === null) return serial
  throw unidentified('CREDENTIAL_REVOKED', 'What the caller showed was revoked: ask an admin.')
}

function joinerOf({ role, credential }: Caller): {
  readonly id: string
  readonly facility: string
} {
  const [, id] = /^join:(.+)$/.exec(credential?.id ?? '') ?? []
  if (role.kind === 'joiner' && id !== undefined) return { id, facility: role.facility }
  throw unidentified('NOT_IDENTIFIED', 'Who joins shows a token of CreateJoinToken.')
}
