import { EventOutcome, type Event } from '../../proto/gen/merge/image/v1/audit.ts'
import type { EventRow } from './chain.ts'
import { parseResource } from './resources.ts'

const outcomes = {
  done: EventOutcome.EVENT_OUTCOME_DONE,
  denied: EventOutcome.EVENT_OUTCOME_DENIED,
} as const

export function renderEvent(row: EventRow): Event {
  const { beforeEtag, beforeState, afterEtag, afterState } = row
  return {
    sequence: row.sequence,
    time: row.time,
    actor: row.actor,
    role: row.role,
    peer: row.peer,
    method: row.method,
    requestId: row.requestId,
    resources: row.resources.map(parseResource),
    outcome: outcomes[row.outcome],
    reason: row.reason,
    request: row.request,
    before: { etag: beforeEtag, state: beforeState },
    after: { etag: afterEtag, state: afterState },
    suppressed: row.suppressed,
    prevHash: row.prevHash.toString('hex'),
    hash: row.hash.toString('hex'),
  }
}
