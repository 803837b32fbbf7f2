import { createHash } from 'node:crypto'
import type { Draft } from './draft.ts'
import { parseResource } from './resources.ts'

/** A draft as it lies in the database. */
export interface DraftRow extends Draft {
  readonly id: bigint
  readonly time: Date
}

/** Where a chain ends. */
export interface Head {
  readonly sequence: bigint
  readonly hash: Buffer
}

/** An event in the chain. */
export interface EventRow extends Draft {
  readonly sequence: bigint
  readonly time: Date
  readonly prevHash: Buffer
  readonly hash: Buffer
}

/** A place in the chain for a draft. */
export interface Link extends Head {
  readonly draft: bigint
  readonly prevHash: Buffer
}

/** Puts drafts after the end of a chain, in their order. */
export function chainOn(head: Head, drafts: readonly DraftRow[]): readonly Link[] {
  const links: Link[] = []
  let { sequence, hash } = head
  for (const draft of drafts) {
    const prevHash = hash
    sequence += 1n
    hash = hashOf({ ...draft, sequence, prevHash })
    links.push({ sequence, draft: draft.id, prevHash, hash })
  }
  return links
}

/** The hash of an event: the SHA-256 of its canonical JSON, which holds the hash of the one before (docs/audit.md). */
export function hashOf(event: Omit<EventRow, 'hash'>): Buffer {
  return createHash('sha256').update(encoded(event)).digest()
}

/**
 * What is hashed: the event as the API and the tools tell it, without its hash. The fields are written here in the order of the
 * canonical form, because sorting them took most of the time of a check.
 */
export function encoded(event: Omit<EventRow, 'hash'>): string {
  return JSON.stringify({
    actor: event.actor,
    after: { etag: event.afterEtag, state: event.afterState },
    before: { etag: event.beforeEtag, state: event.beforeState },
    method: event.method,
    outcome: event.outcome,
    peer: event.peer,
    prevHash: event.prevHash.toString('hex'),
    reason: event.reason,
    request: event.request,
    requestId: event.requestId,
    resources: event.resources.map(parseResource),
    role: event.role,
    sequence: Number(event.sequence),
    suppressed: event.suppressed,
    time: event.time.toISOString(),
  })
}

/** What is wrong with an event that comes after a head; undefined if nothing is. */
export function whatIsWrong(head: Head, event: EventRow): string | undefined {
  const due = head.sequence + 1n
  if (event.sequence !== due)
    return `Event ${due} is missing; the next that is there is ${event.sequence}.`
  if (!event.prevHash.equals(head.hash)) {
    return `Event ${due} does not hold the hash of the event before it: one of the two was changed, or others came between.`
  }
  if (hashOf(event).equals(event.hash)) return undefined
  return `Event ${due} is not what was hashed: it was changed.`
}
