import type { Admitted } from '../lib/chunks/serve.ts'
import type { Digest } from '../lib/content/digest.ts'
import { decodeManifest } from '../lib/content/encoding.ts'
import { chunkDigests } from '../lib/content/manifest.ts'
import { denied } from '../lib/failure.ts'
import type { Call } from '../lib/rpc/serve.ts'
import { publicKeys } from '../lib/tickets/keys.ts'
import { checkTicket } from '../lib/tickets/ticket.ts'
import type { TicketKey } from '../proto/gen/merge/image/v1/ticket.ts'
import type { ImageTable } from './images.ts'

export interface AdmissionDeps {
  readonly images: Pick<ImageTable, 'manifest'>
  /** Those that the portal told of last. */
  readonly keys: () => readonly TicketKey[]
  readonly now: () => Date
}

/** Sets of digests that are kept: about 10 MB each of an image of 4 GB. */
const mostSets = 4

/**
 * What a caller may have of what is here: an agent the chunks of the manifest that its ticket names, the portal and admins, who
 * need no ticket, everything.
 */
export function admission({
  images,
  keys,
  now,
}: AdmissionDeps): (ticket: Uint8Array | undefined, call: Pick<Call, 'caller'>) => Admitted {
  const sets = new Map<Digest, ReadonlySet<Digest>>()
  const chunksOf = (manifest: Digest): ReadonlySet<Digest> => {
    const found = sets.get(manifest) ?? setOf(images.manifest(manifest))
    sets.delete(manifest)
    // What is not here may come.
    if (found.size > 0) sets.set(manifest, found)
    const [oldest] = sets.keys()
    if (sets.size > mostSets && oldest !== undefined) sets.delete(oldest)
    return found
  }
  return (ticket, { caller }) => {
    if (caller.role.kind !== 'agent') return 'all'
    if (ticket === undefined) throw noTicket(caller.role.facility)
    const known = publicKeys(keys())
    return chunksOf(checkTicket(ticket, known, caller.role.facility, now()).manifest)
  }
}

function setOf(manifest: Uint8Array | undefined): ReadonlySet<Digest> {
  return new Set(manifest === undefined ? [] : chunkDigests(decodeManifest(manifest)))
}

function noTicket(facility: string): Error {
  return denied(
    'TICKET_INVALID',
    `An agent shows a ticket here, and agent:${facility} has none: ask the portal for one.`,
  )
}
