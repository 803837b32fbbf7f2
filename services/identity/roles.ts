import { invalid, type Failure } from '../../lib/failure.ts'
import { parseFacilityName } from '../../lib/names/name.ts'
import type { Role } from '../../lib/rpc/caller.ts'
import { getFacility } from '../facilities/service.ts'
import type { Transaction } from '../db/open.ts'

/** A role that people and pipelines can be given, as text: `producer`, `manager:lab1`. */
export type RoleText = string

/** The greatest first: what somebody is who may be several and does not say. */
const ranks = ['admin', 'producer', 'manager', 'experimenter']

/** The role, which has to be one that can be given, at a facility that is there. */
export async function givenRole(tx: Transaction, text: string): Promise<RoleText> {
  const role = roleOf(text)
  if (role === undefined) throw noRole(text)
  if (role.kind === 'manager') await getFacility(tx, parseFacilityName(role.facility))
  return text
}

/** The role that the text names, or undefined if it is none that can be given. */
export function roleOf(text: RoleText): Role | undefined {
  const [, kind, facility] = /^(admin|producer|experimenter|manager)(?::(.+))?$/.exec(text) ?? []
  switch (kind) {
    case 'admin':
    case 'producer':
    case 'experimenter':
      return facility === undefined ? { kind } : undefined
    case 'manager':
      return facility === undefined ? undefined : { kind, facility }
    default:
      return undefined
  }
}

/** As it was given; empty for who has none. */
export function renderRole(role: Role): RoleText {
  if (role.kind === 'guest') return ''
  return 'facility' in role ? `${role.kind}:${role.facility}` : role.kind
}

/** The roles, each once, the greatest first. */
export function ranked(roles: readonly RoleText[]): readonly RoleText[] {
  const rank = (role: RoleText): number => ranks.indexOf(role.split(':')[0] ?? '')
  return [...new Set(roles)].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
}

function noRole(text: string): Failure {
  return invalid(
    'INVALID_FIELD',
    `"${text}" is no role that can be given: admin, producer, experimenter or manager:FACILITY.`,
    { field: 'role' },
  )
}
