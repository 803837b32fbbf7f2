import type { Clock } from '../lib/chunks/clock.ts'
import type { TicketOf } from '../lib/chunks/remote.ts'
import { denied, Failure, unavailable } from '../lib/failure.ts'
import { longestMs } from '../lib/tickets/ticket.ts'
import type { GetTicketResponse } from '../proto/gen/merge/image/v1/agent.ts'
import type { Upstream } from './upstream.ts'

/** This facility's tickets, by which other agents serve it. */
export interface Tickets {
  /** One for the image that is valid for a while yet. */
  readonly of: (image: string) => TicketOf
}

export interface TicketDeps {
  readonly facility: string
  readonly upstream: { readonly agents: Pick<Upstream['agents'], 'getTicket'> }
  readonly now: () => Date
  readonly clock: Clock
}

/** A new one is asked for this long before the old one runs out, so that a portal may be away as long. */
const renewMs = (longestMs * 2) / 3
/** A portal that is away is asked again after so long. */
const pauseMs = 5_000

interface Kept {
  ticket: Buffer | undefined
  expires: number
  asking: Promise<void> | undefined
  failure: unknown
  notBefore: number
}

/** Asks the portal for tickets as they are needed, for each image one at a time. */
export function ticketsFrom(deps: TicketDeps): Tickets {
  const kept = new Map<string, Kept>()
  return {
    of: (image) => async () => {
      const found = kept.get(image) ?? none()
      kept.set(image, found)
      const left = found.expires - deps.now().getTime()
      if (left < renewMs) {
        const renewed = renew(image, found, deps)
        // While the old one counts nobody waits for the new one.
        if (left <= 0) await renewed
      }
      return usable(image, found, deps.now())
    },
  }
}

function none(): Kept {
  return {
    ticket: undefined,
    expires: -Infinity,
    asking: undefined,
    failure: undefined,
    notBefore: -Infinity,
  }
}

async function renew(image: string, kept: Kept, deps: TicketDeps): Promise<void> {
  if (kept.asking === undefined && kept.notBefore > deps.clock.now()) return
  kept.asking ??= ask(image, deps)
    .then(
      ({ ticket, expireTime }) => {
        kept.ticket = ticket
        kept.expires = expireTime?.getTime() ?? 0
        kept.failure = undefined
      },
      (error: unknown) => {
        kept.failure = error
        kept.notBefore = deps.clock.now() + pauseMs
      },
    )
    .finally(() => {
      kept.asking = undefined
    })
  await kept.asking
}

function ask(image: string, { facility, upstream }: TicketDeps): Promise<GetTicketResponse> {
  return upstream.agents.getTicket({ facility, image }, { deadlineMs: pauseMs })
}

function usable(image: string, { ticket, expires, failure }: Kept, now: Date): Buffer {
  if (ticket !== undefined && expires > now.getTime()) return ticket
  const why = failure instanceof Failure ? failure.message : 'the portal gave none that counts'
  if (ticket !== undefined) {
    const time = new Date(expires).toISOString()
    const text = `The ticket for ${image} ran out at ${time}, and the portal gave no new one: ${why}`
    throw denied('TICKET_EXPIRED', text, { image, time }, failure)
  }
  throw unavailable(
    'UNREACHABLE',
    `Other facilities give ${image} only to whoever has a ticket, and the portal gave none: ${why}`,
    { image },
    failure,
  )
}
