import { invalid, missing } from '../../lib/failure.ts'
import { portalsOwn } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { AccessServiceService } from '../../proto/gen/merge/image/v1/access.ts'
import { announce, announceAccess } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { cutPage, parsePage } from '../pages.ts'
import { parseGrant } from './grants.ts'
import {
  findCertificate,
  insertCertificate,
  listCertificates,
  lockCertificates,
  revokeCertificates,
  type CertificateRow,
} from './issued.ts'
import type { Issuing } from './issuing.ts'
import { deleteGrant, listGrants, putGrant, withdrawJoinTokens } from './queries.ts'
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
  const said = { reason, now }
  if (facility !== '' && facility !== portalsOwn) await getFacility(tx, facility)
  if (serial !== '') return revokeOne(tx, { serial: serial.toLowerCase(), facility }, said)
  if (facility === '') {
    const text = 'Say which certificate, by its serial number, or whose, by the facility.'
    throw invalid('INVALID_FIELD', text, { field: 'serial' })
  }
  await lockCertificates(tx, facility)
  await withdrawJoinTokens(tx, facility)
  return revokeCertificates(tx, { facility }, said)
}

const serialShape = /^[0-9a-f]{2,40}$/
/** No certificate of an authority that others believe is valid for longer. */
const foreignMs = 10 * 365 * 24 * 60 * 60 * 1000

/** One that somebody else's authority issued is known by the facility whose it is said to be. */
async function revokeOne(
  tx: Transaction,
  { serial, facility }: { readonly serial: string; readonly facility: string },
  said: { readonly reason: string; readonly now: Date },
): Promise<CertificateRow[]> {
  const found = await findCertificate(tx, serial)
  if (found?.name === 'portal') {
    throw invalid('INVALID_FIELD', 'That is the portal itself.', { field: 'serial' })
  }
  if (found === undefined && facility !== '' && serialShape.test(serial)) {
    const expireTime = new Date(said.now.getTime() + foreignMs)
    const name = `agent:${facility}`
    await insertCertificate(tx, { serial, name, facility, createTime: said.now, expireTime })
  } else if (found === undefined || (facility !== '' && found.facility !== facility)) {
    const text = `The portal issued no certificate ${serial}${facility === '' ? '' : ` for ${facility}`}: "mrg-image list certificates" shows those that count. One of another authority is revoked with the facility whose it is.`
    throw missing('CERTIFICATE_NOT_FOUND', text, { serial })
  }
  await lockCertificates(tx, found?.facility ?? facility)
  return revokeCertificates(tx, { serial }, said)
}

function renderCertificate({ revokeTime, facility: _, ...row }: CertificateRow) {
  return { ...row, revokeTime: revokeTime ?? undefined }
}
