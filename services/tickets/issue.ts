import type { Digest } from '../../lib/content/digest.ts'
import { longestMs, signTicket } from '../../lib/tickets/ticket.ts'
import type { TicketKeyring } from './keys.ts'

export interface Ticketing {
  readonly keys: TicketKeyring
  readonly now: () => Date
}

/** A ticket for a facility, from now on and for as long as tickets are valid. */
export async function ticketFor(
  facility: string,
  manifest: Digest,
  { keys, now }: Ticketing,
): Promise<{ readonly ticket: Buffer; readonly expireTime: Date }> {
  const second = 1000
  const notBefore = new Date(Math.floor(now().getTime() / second) * second)
  const expires = new Date(notBefore.getTime() + longestMs)
  const ticket = signTicket({ facility, manifest, notBefore, expires }, await keys.signing())
  return { ticket, expireTime: expires }
}
