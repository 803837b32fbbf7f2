import { sign, verify, type KeyObject } from 'node:crypto'
import { Ticket as Message } from '../../proto/gen/merge/image/v1/ticket.ts'
import { joinDigests, splitDigests, type Digest } from '../content/digest.ts'
import { denied, type Failure } from '../failure.ts'

/** What a ticket says: others may serve this facility the chunks of this manifest. */
export interface Ticket {
  readonly facility: string
  readonly manifest: Digest
  readonly notBefore: Date
  readonly expires: Date
}

export interface SigningKey {
  readonly id: string
  readonly privateKey: KeyObject
}

/** The public keys that count, by their ids. */
export type TicketKeys = ReadonlyMap<string, KeyObject>

export const longestMs = 15 * 60_000
/** Of a clock that is behind the portal's; one that is ahead makes a ticket shorter. */
const skewMs = 60_000
const signatureBytes = 64
const mostBytes = 1024
const purpose = Buffer.from('merge-image ticket 1\0')

/** The ticket as it is sent: its signature, and then what was signed. */
export function signTicket(ticket: Ticket, { id, privateKey }: SigningKey): Buffer {
  const message = Message.encode({
    facility: ticket.facility,
    manifest: joinDigests([ticket.manifest]),
    notBeforeSeconds: secondsOf(ticket.notBefore),
    expireSeconds: secondsOf(ticket.expires),
    keyId: id,
  }).finish()
  const signature = sign(null, Buffer.concat([purpose, message]), privateKey)
  return Buffer.concat([signature, message])
}

/**
 * What a ticket says that `bearer`, a facility's agent, shows at this time. Nothing of it is believed before its signature
 * was checked; TICKET_INVALID does not tell what is wrong with one that is not the portal's.
 */
export function checkTicket(
  bytes: Uint8Array,
  keys: TicketKeys,
  bearer: string,
  now: Date,
): Ticket {
  const ticket = parseTicket(bytes, keys)
  if (ticket === undefined) {
    throw useless('The ticket is not one that this side can check: ask the portal for a new one.')
  }
  if (ticket.facility !== bearer) throw useless(`The ticket is not ${bearer}'s.`)
  const [from, until, at] = [ticket.notBefore, ticket.expires, now].map((time) =>
    time.getTime(),
  ) as [number, number, number]
  if (until - from > longestMs) throw useless('The ticket is valid for longer than tickets are.')
  if (at < from - skewMs) {
    throw useless(
      `The ticket counts from ${ticket.notBefore.toISOString()} on, and it is ${now.toISOString()} here: set the clocks right.`,
    )
  }
  if (at >= until) throw expired(ticket.expires)
  return ticket
}

function expired(when: Date): Failure {
  return denied(
    'TICKET_EXPIRED',
    `The ticket ran out at ${when.toISOString()}: ask the portal for a new one.`,
    { time: when.toISOString() },
  )
}

function parseTicket(bytes: Uint8Array, keys: TicketKeys): Ticket | undefined {
  if (bytes.length <= signatureBytes || bytes.length > mostBytes) return undefined
  const [signature, message] = [bytes.subarray(0, signatureBytes), bytes.subarray(signatureBytes)]
  const said = decoded(message)
  const key = said === undefined ? undefined : keys.get(said.keyId)
  if (said === undefined || key === undefined) return undefined
  if (!verify(null, Buffer.concat([purpose, message]), key, signature)) return undefined
  const [manifest, ...more] = splitDigests(said.manifest)
  if (manifest === undefined || more.length > 0) return undefined
  const { facility } = said
  const [notBefore, expires] = [timeOf(said.notBeforeSeconds), timeOf(said.expireSeconds)]
  return { facility, manifest, notBefore, expires }
}

function decoded(message: Uint8Array): Message | undefined {
  try {
    return Message.decode(message)
  } catch {
    return undefined
  }
}

function useless(text: string): Failure {
  return denied('TICKET_INVALID', text)
}

function secondsOf(time: Date): bigint {
  return BigInt(Math.floor(time.getTime() / 1000))
}

function timeOf(seconds: bigint): Date {
  return new Date(Number(seconds) * 1000)
}
