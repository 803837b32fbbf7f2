import { invalid, missing } from '../../lib/failure.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { AccessServiceService } from '../../proto/gen/merge/image/v1/access.ts'
import { announce, announceAccess } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { cutPage, parsePage } from '../pages.ts'
import { parseGrant } from './grants.ts'
import { portalsOwn, type Issuing } from './issuing.ts'
import {
  deleteGrant,
  findCertificate,
  listCertificates,
  listGrants,
  putGrant,
  revokeCertificates,
  withdrawJoinTokens,
  type CertificateRow,
} from './queries.ts'
import { robots } from './robots.ts'
import { renderRole } from './roles.ts'
import type { Standing } from './standing.ts'

export interface AccessDeps {
  readonly sql: Sql
  readonly issuing: Issuing | undefined
  readonly standing: Pick<Standing, 'refresh'>
  readonly now: () => Date
}

export function accessService(
  deps: AccessDeps,
): Service<typeof AccessServiceService, [call: Call]> {
  const { sql, standing, now } = deps
  /** What a change says counts for every call that comes after its answer. */
  const changed = async <T>(change: Promise<T>): Promise<T> => {
    const answer = await change
    await standing.refresh()
    return answer
  }
  return {
    ...robots({ ...deps, changed }),

    whoAmI(_, { caller: { name, role, roles, credential } }) {
      const mine = renderRole(role)
      const all = roles ?? (mine === '' ? [] : [mine])
      return Promise.resolve({ name, role: mine, roles: [...all], expireTime: credential?.expires })
    },

    async grantRole(request, { caller }) {
      const method = AccessServiceService.grantRole
      return changed(
        once(sql, method, caller, request, async (tx) => {
          const grant = await parseGrant(tx, request)
          await announceAccess(tx)
          const given = { ...grant, actor: caller.name, createTime: now() }
          return { grant: await putGrant(tx, given) }
        }),
      )
    },

    async listGrants(request) {
      const page = parsePage(request)
      const keyOf = ({ claim, value, role }: (typeof found)[number]) =>
        JSON.stringify([claim, value, role])
      const found = await listGrants(sql, page)
      const { rows, nextPageToken } = cutPage(found, page, keyOf)
      return { grants: [...rows], nextPageToken }
    },

    async revokeRole(request, { caller }) {
      const { claim, value, role } = request
      return changed(
        once(sql, AccessServiceService.revokeRole, caller, request, async (tx) => {
          if (!(await deleteGrant(tx, { claim, value, role }))) {
            const text = `Nobody was given the role ${role} by ${claim}=${value}: "mrg-image list grants" shows who was.`
            throw missing('GRANT_NOT_FOUND', text, { claim, value, role })
          }
          await announceAccess(tx)
          return {}
        }),
      )
    },

    async listCertificates(request) {
      const { facility } = request
      const page = parsePage(request, { facility })
      const found = await listCertificates(sql, page, facility, now())
      const { rows, nextPageToken } = cutPage(found, page, ({ serial }) => serial, { facility })
      return { certificates: rows.map(renderCertificate), nextPageToken }
    },

    async revokeCertificate(request, { caller }) {
      const method = AccessServiceService.revokeCertificate
      return changed(
        once(sql, method, caller, request, async (tx) => {
          const revoked = await revoke(tx, request, now())
          await announceAccess(tx)
          // Agents hear of it with what they should hold.
          await announce(tx)
          return { certificates: revoked.map(renderCertificate) }
        }),
      )
    },
  }
}

interface Revocation {
  readonly serial: string
  readonly facility: string
  readonly reason: string
}

const longestReason = 500

async function revoke(
  tx: Transaction,
  { serial, facility, reason }: Revocation,
  now: Date,
): Promise<CertificateRow[]> {
  if (reason.length > longestReason) {
    const text = `The reason has ${reason.length} characters, and ${longestReason} are taken.`
    throw invalid('INVALID_FIELD', text, { field: 'reason' })
  }
  if ((serial === '') === (facility === '')) {
    const text = 'Say either which certificate, by its serial number, or whose, by the facility.'
    throw invalid('INVALID_FIELD', text, { field: 'serial' })
  }
  if (serial !== '') return revokeOne(tx, serial.toLowerCase(), { reason, now })
  if (facility !== portalsOwn) await getFacility(tx, facility)
  await withdrawJoinTokens(tx, facility, now)
  return revokeCertificates(tx, { facility }, { reason, now })
}

async function revokeOne(
  tx: Transaction,
  serial: string,
  said: { readonly reason: string; readonly now: Date },
): Promise<CertificateRow[]> {
  const found = await findCertificate(tx, serial)
  if (found?.name === 'portal') {
    throw invalid('INVALID_FIELD', 'That is the portal itself.', { field: 'serial' })
  }
  if (found !== undefined) return revokeCertificates(tx, { serial }, said)
  const text = `The portal issued no certificate ${serial}: "mrg-image list certificates" shows those that count.`
  throw missing('CERTIFICATE_NOT_FOUND', text, { serial })
}

function renderCertificate({ revokeTime, ...row }: CertificateRow) {
  return { ...row, revokeTime: revokeTime ?? undefined }
}
