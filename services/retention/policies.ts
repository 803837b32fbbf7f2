import { denied, internal, type Failure } from '../../lib/failure.ts'
import { demandApart } from '../../lib/retention/policy.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { RetentionServiceService } from '../../proto/gen/merge/image/v1/retention.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { cutPage, parsePage } from '../pages.ts'
import { nextOf } from '../schedule.ts'
import {
  demandEtag,
  noPolicy,
  ownerOf,
  parsePolicy,
  renderPolicy,
  toPolicy,
  type PolicyRow,
  type Written,
} from './policy.ts'
import * as queries from './queries.ts'

type Policies = Pick<
  Service<typeof RetentionServiceService, [call: Call]>,
  'putPolicy' | 'getPolicy' | 'listPolicies' | 'deletePolicy'
>

/** The policies of the retention service. */
export function policyMethods(deps: { readonly sql: Sql; readonly now: () => Date }): Policies {
  const { sql, now } = deps
  const { putPolicy, deletePolicy } = RetentionServiceService
  return {
    async putPolicy(request, { caller }) {
      const written = parsePolicy(request.policy)
      return once(sql, putPolicy, caller, request, async (tx) => {
        await queries.lockPolicies(tx)
        await demandOwner(tx, ownerOf(written.pattern))
        const before = await queries.findPolicy(tx, written.name)
        demandPut(before, caller, request.etag, written.name)
        demandApart(toPolicy(written), (await queries.readPolicies(tx)).map(toPolicy))
        const nextTime = nextTimeOf(before, written, now())
        const kept = await queries.putPolicy(tx, written, { author: caller.name, nextTime })
        if (kept === undefined) throw internal('INTERNAL', 'a policy was kept and is not there')
        return { policy: renderPolicy(kept) }
      })
    },

    async getPolicy({ name }) {
      const row = await queries.findPolicy(sql, name)
      if (row === undefined) throw noPolicy(name)
      return { policy: renderPolicy(row) }
    },

    async listPolicies(request) {
      const page = parsePage(request)
      const found = await queries.listPolicies(sql, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name)
      return { policies: rows.map(renderPolicy), nextPageToken }
    },

    async deletePolicy(request, { caller }) {
      const { name } = request
      return once(sql, deletePolicy, caller, request, async (tx) => {
        await queries.lockPolicies(tx)
        const row = await queries.findPolicy(tx, name)
        if (row === undefined) throw noPolicy(name)
        demandMine(row, caller)
        demandEtag(row, request.etag)
        await queries.deletePolicy(tx, name)
        return {}
      })
    },
  }
}

async function demandOwner(tx: Transaction, owner: string): Promise<void> {
  if (owner !== '' && owner !== '*') await getFacility(tx, owner)
}

/** The name may be that of somebody else's policy. */
function demandPut(
  before: PolicyRow | undefined,
  caller: Caller,
  etag: string,
  name: string,
): void {
  if (before === undefined) {
    if (etag !== '') throw noPolicy(name)
    return
  }
  demandMine(before, caller)
  demandEtag(before, etag)
}

function demandMine({ name, pattern }: PolicyRow, caller: Caller): void {
  if (!isOwner(caller, ownerOf(pattern))) throw notYours(caller, `the policy ${name}`)
}

/** Whether the caller decides over lines of this owner: a facility's manager over its own, an admin over all. */
export function isOwner({ role }: Caller, owner: string): boolean {
  return role.kind === 'admin' || (role.kind === 'manager' && role.facility === owner)
}

export function notYours({ name }: Caller, what: string): Failure {
  const text = `${name} may not change ${what}: it is not about lines of its facility alone.`
  return denied('NOT_ALLOWED', text)
}

/** The same schedule goes on; another one begins now. */
function nextTimeOf(before: PolicyRow | undefined, written: Written, now: Date): Date | null {
  const goesOn = before?.cron === written.cron && before.zone === written.zone
  return goesOn ? before.nextTime : nextOf(written, now)
}
