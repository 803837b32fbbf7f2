import { internal } from '../../lib/failure.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Method } from '../../lib/rpc/service.ts'
import { isAudited } from '../audited.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { draftOfCall, draftOfDeed, type Deed, type Draft } from './draft.ts'

/** Writes down what the portal does by itself, in the transaction in which it does it. */
export async function recordEvent(tx: Transaction, deed: Deed): Promise<void> {
  await insertDraft(tx, draftOfDeed(deed))
}

/**
 * Writes down a call that takes effect, in the transaction of its effect, after it: whoever waited for a lock of that is later in the
 * chain too.
 */
export async function recordCall(
  tx: Transaction,
  method: Method,
  caller: Caller,
  request: unknown,
  answer: unknown,
): Promise<void> {
  if (!isAudited(method.path)) {
    throw internal('INTERNAL', `${method.path} changes something: say so in services/audited.ts`)
  }
  await insertDraft(tx, draftOfCall({ method: method.path, caller, request, answer }))
}

export async function insertDraft(sql: Sql | Transaction, draft: Draft): Promise<void> {
  const { actor, role, peer, method, requestId, resources, outcome, reason, request } = draft
  const { beforeEtag, beforeState, afterEtag, afterState, suppressed } = draft
  await sql`
    insert into event_draft (actor, role, peer, method, request_id, resources, outcome, reason, request,
      before_etag, before_state, after_etag, after_state, suppressed)
    values (${actor}, ${role}, ${peer}, ${method}, ${requestId}, ${resources}, ${outcome}, ${reason}, ${request},
      ${beforeEtag}, ${beforeState}, ${afterEtag}, ${afterState}, ${suppressed})`
}
