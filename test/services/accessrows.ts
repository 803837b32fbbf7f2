import type { AccessServiceService } from '../../proto/gen/merge/image/v1/access.ts'
import { id, page, row, type Row } from './rows.ts'

const grant = { claim: 'sub', value: 'x', role: 'producer' }

// prettier-ignore
export const accessRows: Record<keyof typeof AccessServiceService, Row> = {
  whoAmI: { may: { ...row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'), guest: 'everywhere', joiner: 'everywhere' },
    call: ({ access }) => access.whoAmI({}) },
  createRobot: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'nowhere'),
    call: ({ access }, facility) => access.createRobot({
      requestId: id(), name: 'x', role: facility === '' ? 'producer' : `manager:${facility}`, days: 0,
    }) },
  listRobots: { may: row('everywhere', 'nowhere', 'nowhere', 'everywhere', 'nowhere'),
    call: ({ access }) => access.listRobots(page) },
  rotateRobot: { may: row('everywhere', 'nowhere', 'nowhere', 'everywhere', 'nowhere'),
    call: ({ access }) => access.rotateRobot({ requestId: id(), name: 'none', days: 0 }) },
  deleteRobot: { may: row('everywhere', 'nowhere', 'nowhere', 'everywhere', 'nowhere'),
    call: ({ access }) => access.deleteRobot({ requestId: id(), name: 'none' }) },
  grantRole: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
    call: ({ access }) => access.grantRole({ requestId: id(), ...grant }) },
  listGrants: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
    call: ({ access }) => access.listGrants(page) },
  revokeRole: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
    call: ({ access }) => access.revokeRole({ requestId: id(), ...grant }) },
  listCertificates: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'nowhere'),
    call: ({ access }, facility) => access.listCertificates({ ...page, facility }) },
  revokeCertificate: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
    call: ({ access }, facility) => access.revokeCertificate({ requestId: id(), serial: '', facility, reason: '' }) },
}
