import { exists, invalid, missing, precondition, type Failure } from '../../lib/failure.ts'
import { archOf } from '../../lib/names/catalogue.ts'
import {
  parseFacilityName,
  parseImageName,
  portalsOwn,
  renderImageName,
  type ImageName,
} from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  FacilityServiceService,
  type Facility,
  type Replica,
  type ReplicaState,
} from '../../proto/gen/merge/image/v1/facility.ts'
import { newestReleased } from '../aliases/queries.ts'
import { announce } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { demandDays, demandElsewhere, demandShared } from '../images/custom.ts'
import { lockImage } from '../images/queries.ts'
import { noImage } from '../images/found.ts'
import type { Joining } from '../identity/joining.ts'
import { cutPage, parsePage } from '../pages.ts'
import { explainRules } from '../rules/explaining.ts'
import { expect, lackedBytes } from './expecting.ts'
import { explainStanding } from './explaining.ts'
import {
  findFacility,
  insertFacility,
  listFacilities,
  listReplicas,
  putQuota,
  rulesWanting,
  unwant,
  want,
  type FacilityRow,
  type ReplicaRow,
} from './queries.ts'
import { readStanding } from './standing.ts'

export function facilityService(deps: {
  readonly sql: Sql
  readonly now: () => Date
}): Omit<Service<typeof FacilityServiceService, [call: Call]>, keyof Joining> {
  const { sql, now } = deps
  return {
    async createFacility(request, { caller }) {
      const name = parseFacilityName(request.name)
      if (name === portalsOwn) {
        throw invalid('INVALID_NAME', 'No facility may be called "portal": that is the portal.')
      }
      const arch = parseArch(request.arch)
      const { displayName } = request
      return once(sql, FacilityServiceService.createFacility, caller, request, async (tx) => {
        const made = await insertFacility(tx, { name, displayName, arch })
        if (made !== undefined) return { facility: renderFacility(made) }
        throw exists('FACILITY_EXISTS', `There is a facility ${name} already.`, { facility: name })
      })
    },

    async getFacility({ name }) {
      return { facility: renderFacility(await getFacility(sql, name)) }
    },

    async listFacilities(request) {
      const page = parsePage(request)
      const found = await listFacilities(sql, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name)
      return { facilities: rows.map(renderFacility), nextPageToken }
    },

    async pushImage(request, { caller }) {
      const parsed = parseImageName(request.image)
      const image = renderImageName(parsed)
      const byTime = parseByTime(request.byTime)
      const lacked =
        byTime === undefined ? undefined : await lackedBytes(sql, request.facility, image)
      return once(sql, FacilityServiceService.pushImage, caller, request, async (tx) => {
        const { name } = await getFacility(tx, request.facility)
        const found = await lockImage(tx, image)
        if (found === undefined) throw noImage(image)
        if (found.state === 'revoked') {
          throw precondition('REVOKED', `${image} is revoked and goes nowhere.`, { name: image })
        }
        if (found.storage !== 'present') throw await noBytes(tx, parsed, found.storage)
        await demandShared(tx, image, name)
        await want(tx, name, image, caller.name, byTime)
        await announce(tx)
        const pushed = { facility: renderFacility(await getFacility(tx, name)), message: '' }
        if (lacked === undefined) return pushed
        const asked = { facility: name, image, lackedBytes: lacked }
        const { expectedTime, message } = await expect(tx, asked, now())
        return { ...pushed, expectedTime, message }
      })
    },

    async dropImage(request, { caller }) {
      const image = renderImageName(parseImageName(request.image))
      return once(sql, FacilityServiceService.dropImage, caller, request, async (tx) => {
        const { name } = await getFacility(tx, request.facility)
        if ((await lockImage(tx, image)) === undefined) throw noImage(image)
        await demandElsewhere(tx, image, name)
        if (!(await unwant(tx, name, image))) await demandUnruled(tx, name, image)
        await announce(tx)
        return { facility: renderFacility(await getFacility(tx, name)) }
      })
    },

    async listReplicas(request) {
      const filter = { facility: request.facility }
      const page = parsePage(request, filter)
      const { name } = await getFacility(sql, request.facility)
      const found = await listReplicas(sql, name, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ image }) => image, filter)
      return { replicas: rows.map(renderReplica), nextPageToken }
    },

    async explainReplica(request) {
      const image = renderImageName(parseImageName(request.image))
      const { name } = await getFacility(sql, request.facility)
      const standing = await readStanding(sql, name, image, now())
      if (standing === undefined) throw noImage(image)
      const { replica, actor, wantTime, holders, rules } = standing
      const said = await explainRules(sql, name, image, now())
      const lacked = await lackedBytes(sql, name, image)
      const asked = { facility: name, image, lackedBytes: lacked }
      const { byTime, expectedTime, message } = await expect(sql, asked, now())
      // That nobody can tell matters where somebody waits for it.
      const expected = expectedTime === undefined && byTime === undefined ? [] : [message]
      return {
        replica: replica === undefined ? undefined : renderReplica(replica),
        ...{ wanted: actor !== null, actor: actor ?? '', wantTime: wantTime ?? undefined },
        ...{ holders: [...holders], rules: [...rules] },
        ...{ byTime, expectedTime },
        message: [explainStanding(standing), ...expected, ...said].join(' '),
      }
    },

    async putQuota(request, { caller }) {
      const { facility, customQuotaBytes, customDays } = request
      demandDays(customDays)
      if (customDays === 0) {
        const text = 'custom_days says for how many days an image is kept: 1 at least.'
        throw invalid('INVALID_FIELD', text, { field: 'custom_days' })
      }
      return once(sql, FacilityServiceService.putQuota, caller, request, async (tx) => {
        const { name } = await getFacility(tx, facility)
        await putQuota(tx, name, customQuotaBytes, customDays)
        return { facility: renderFacility(await getFacility(tx, name)) }
      })
    },
  }
}

/** What a rule selects it would select again. */
async function demandUnruled(tx: Transaction, facility: string, image: string): Promise<void> {
  const [rule, ...more] = await rulesWanting(tx, facility, image)
  if (rule === undefined) return
  const rules = [rule, ...more].join(', ')
  const text = `${image} is wanted at ${facility} by its sync rules (${rules}): change or delete these.`
  throw precondition('WRONG_STATE', text, { name: image, facility, rules })
}

/** Why no facility can fetch an image that is archived or has expired. */
async function noBytes(
  tx: Transaction,
  image: ImageName,
  storage: 'archived' | 'expired',
): Promise<Failure> {
  const name = renderImageName(image)
  if (storage === 'archived') {
    const text = `${name} is in the archive: "mrg-image restore ${name}" brings it back, and then it can go anywhere.`
    return precondition('ARCHIVED', text, { name })
  }
  const newest = await newestReleased(tx, image)
  const text = `${name} has expired and its bytes are gone${newest === undefined ? '' : `; the newest of its line is ${newest}`}.`
  return precondition('EXPIRED', text, newest === undefined ? { name } : { name, newest })
}

/** The facility, or FACILITY_NOT_FOUND. */
export async function getFacility(sql: Sql | Transaction, name: string): Promise<FacilityRow> {
  const row = await findFacility(sql, name)
  if (row === undefined) throw noFacility(name)
  return row
}

export function noFacility(name: string): Failure {
  return missing(
    'FACILITY_NOT_FOUND',
    `There is no facility "${name}"; "mrg-image new facility ${name}" makes it.`,
    { facility: name },
  )
}

function parseByTime(time: Date | undefined): Date | undefined {
  if (time === undefined || !Number.isNaN(time.getTime())) return time
  throw invalid('INVALID_FIELD', 'by_time is no time.', { field: 'by_time' })
}

function parseArch(word: string): string {
  if (word === '') return ''
  const arch = archOf(word.toLowerCase())
  if (arch !== undefined) return arch
  throw invalid('INVALID_FIELD', `"${word}" is no architecture: x86, aarch64 or riscv64.`, {
    field: 'arch',
  })
}

function renderReplica(row: ReplicaRow): Replica {
  const { image, totalBytes, peerBytes, portalBytes, error, updateTime, useTime, nextTime } = row
  return {
    ...{ image, totalBytes, peerBytes, portalBytes, error, updateTime },
    ...{ digest: `sha256:${row.digest}`, state: row.state as ReplicaState },
    ...{ useTime: useTime ?? undefined, nextTime: nextTime ?? undefined },
  }
}

function renderFacility(row: FacilityRow): Facility {
  return {
    ...row,
    agentTime: row.agentTime ?? undefined,
    wantedCount: Number(row.wantedCount),
    presentCount: Number(row.presentCount),
  }
}
