import { exists, invalid, missing, precondition, type Failure } from '../../lib/failure.ts'
import { archOf } from '../../lib/names/catalogue.ts'
import { parseFacilityName, parseImageName, renderImageName } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  FacilityServiceService,
  type Facility,
  type ReplicaState,
} from '../../proto/gen/merge/image/v1/facility.ts'
import { announce } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { demandDays, demandShared } from '../images/custom.ts'
import { lockImage } from '../images/queries.ts'
import { noImage } from '../images/found.ts'
import type { StorageName } from '../images/row.ts'
import { cutPage, parsePage } from '../pages.ts'
import {
  findFacility,
  insertFacility,
  listFacilities,
  listReplicas,
  putQuota,
  want,
  type FacilityRow,
} from './queries.ts'

export function facilityService(deps: {
  readonly sql: Sql
}): Service<typeof FacilityServiceService, [call: Call]> {
  const { sql } = deps
  return {
    async createFacility(request, { caller }) {
      const name = parseFacilityName(request.name)
      if (name === 'portal') {
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
      const image = renderImageName(parseImageName(request.image))
      return once(sql, FacilityServiceService.pushImage, caller, request, async (tx) => {
        const { name } = await getFacility(tx, request.facility)
        const found = await lockImage(tx, image)
        if (found === undefined) throw noImage(image)
        if (found.state === 'revoked') {
          throw precondition('REVOKED', `${image} is revoked and goes nowhere.`, { name: image })
        }
        demandPresent(image, found.storage)
        await demandShared(tx, image, name)
        await want(tx, name, image, caller.name)
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
      const replicas = rows.map((row) => ({
        ...row,
        digest: `sha256:${row.digest}`,
        state: row.state as ReplicaState,
        useTime: row.useTime ?? undefined,
      }))
      return { replicas, nextPageToken }
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

/** What is not there goes nowhere: an agent would look for it in vain. */
function demandPresent(name: string, storage: StorageName): void {
  if (storage === 'present') return
  if (storage === 'archived') {
    const text = `${name} is archived: bring it back first, by "mrg-image restore ${name}".`
    throw precondition('ARCHIVED', text, { name })
  }
  throw precondition('EXPIRED', `${name} has expired: its bytes are gone.`, { name })
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

function parseArch(word: string): string {
  if (word === '') return ''
  const arch = archOf(word.toLowerCase())
  if (arch !== undefined) return arch
  throw invalid('INVALID_FIELD', `"${word}" is no architecture: x86, aarch64 or riscv64.`, {
    field: 'arch',
  })
}

function renderFacility(row: FacilityRow): Facility {
  return {
    ...row,
    agentTime: row.agentTime ?? undefined,
    wantedCount: Number(row.wantedCount),
    presentCount: Number(row.presentCount),
  }
}
