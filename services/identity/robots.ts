import { exists, invalid, missing, type Failure } from '../../lib/failure.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { AccessServiceService, type Robot } from '../../proto/gen/merge/image/v1/access.ts'
import { announceAccess } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { cutPage, parsePage } from '../pages.ts'
import { demandAuthority, secretHashOf, tokenOf, type Issuing } from './issuing.ts'
import {
  deleteRobot,
  insertRobot,
  listRobots,
  lockRobot,
  rotateRobot,
  type RobotRow,
} from './queries.ts'
import { givenRole, renderRole } from './roles.ts'

export interface RobotDeps {
  readonly sql: Sql
  readonly issuing: Issuing | undefined
  readonly now: () => Date
  /** Waits until a change counts. */
  readonly changed: <T>(change: Promise<T>) => Promise<T>
}

type Handlers = Pick<
  Service<typeof AccessServiceService, [call: Call]>,
  'createRobot' | 'listRobots' | 'rotateRobot' | 'deleteRobot'
>

/** Names with a role and a token. */
export function robots({ sql, issuing, now, changed }: RobotDeps): Handlers {
  return {
    async createRobot(request, { caller }) {
      const using = demandAuthority(issuing)
      const name = parseName(request.name)
      const days = parseDays(request.days)
      const method = AccessServiceService.createRobot
      const made = await changed(
        once(sql, method, caller, request, async (tx) => {
          const role = await givenRole(tx, request.role)
          const token = newToken(days, now(), using)
          const robot = { name, role, actor: caller.name, createTime: now(), ...token }
          const secretHash = secretHashOf('robot', robot.tokenId, using)
          if (!(await insertRobot(tx, { ...robot, secretHash }))) throw taken(name)
          await announceAccess(tx)
          return { robot, token: '' }
        }),
      )
      return { ...made, token: told(made.robot, using) }
    },

    async listRobots(request, { caller }) {
      const role = caller.role.kind === 'admin' ? undefined : renderRole(caller.role)
      const page = parsePage(request)
      const found = await listRobots(sql, page, role)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name)
      return { robots: [...rows], nextPageToken }
    },

    async rotateRobot(request, { caller }) {
      const using = demandAuthority(issuing)
      const days = parseDays(request.days)
      const method = AccessServiceService.rotateRobot
      const made = await changed(
        once(sql, method, caller, request, async (tx) => {
          const before = await ownRobot(tx, request.name, caller)
          const robot = { ...before, ...newToken(days, now(), using) }
          await rotateRobot(tx, robot, secretHashOf('robot', robot.tokenId, using))
          await announceAccess(tx)
          return { robot, token: '' }
        }),
      )
      return { ...made, token: told(made.robot, using) }
    },

    async deleteRobot(request, { caller }) {
      const method = AccessServiceService.deleteRobot
      return changed(
        once(sql, method, caller, request, async (tx) => {
          await deleteRobot(tx, (await ownRobot(tx, request.name, caller)).name)
          await announceAccess(tx)
          return {}
        }),
      )
    },
  }
}

type Dated = Pick<RobotRow, 'tokenId' | 'tokenTime' | 'expireTime'>

const dayMs = 24 * 60 * 60 * 1000

function newToken(days: number, now: Date, { newUlid }: Issuing): Dated {
  const expireTime = new Date(now.getTime() + days * dayMs)
  return { tokenId: newUlid(), tokenTime: now, expireTime }
}

function told(robot: Robot | undefined, issuing: Issuing): string {
  return tokenOf('robot', robot?.tokenId ?? '', issuing)
}

/** The robot, if it is the caller's to change; what is another's looks like what is not there. */
async function ownRobot(tx: Transaction, name: string, { role }: Caller): Promise<RobotRow> {
  const found = await lockRobot(tx, name)
  if (found !== undefined && (role.kind === 'admin' || renderRole(role) === found.role))
    return found
  throw missing(
    'ROBOT_NOT_FOUND',
    `There is no robot "${name}"; "mrg-image list robots" shows those that are there.`,
    { robot: name },
  )
}

function taken(name: string): Failure {
  return exists(
    'ROBOT_EXISTS',
    `There is a robot ${name} already: "mrg-image rotate robot ${name}" gives it a new token.`,
    { robot: name },
  )
}

function parseName(name: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) return name
  throw invalid(
    'INVALID_NAME',
    `"${name}" is no name of a robot: 1 to 40 of a-z, 0-9 and -, no hyphen at the ends.`,
    { name },
  )
}

const [usualDays, mostDays] = [90, 400]

function parseDays(days: number): number {
  if (days <= mostDays) return days === 0 ? usualDays : days
  throw invalid('INVALID_FIELD', `days is ${days}; a token is valid for 1 to ${mostDays}.`, {
    field: 'days',
  })
}
