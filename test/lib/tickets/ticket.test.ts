import { randomBytes, randomInt } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { sha256 } from '../../../lib/content/digest.ts'
import { Failure } from '../../../lib/failure.ts'
import { newKey, privateKeyOf, publicKeys, type KeptKey } from '../../../lib/tickets/keys.ts'
import { checkTicket, longestMs, signTicket } from '../../../lib/tickets/ticket.ts'

const noon = new Date('2026-11-24T12:00:00Z')
const after = (ms: number): Date => new Date(noon.getTime() + ms)

const kept = newKey('key1', noon)
const toldOf = ({ id, publicKey }: KeptKey) => ({ id, publicKey: Buffer.from(publicKey) })
const keys = publicKeys([toldOf(kept)])
const signing = (key: KeptKey) => ({ id: key.id, privateKey: privateKeyOf(key) })

const ticket = {
  facility: 'lab1',
  manifest: sha256(Buffer.from('an image')),
  notBefore: noon,
  expires: after(longestMs),
}
const signed = signTicket(ticket, signing(kept))

/** The reason why it is refused; undefined if it is taken. */
function refusal(bytes: Uint8Array, bearer = 'lab1', now = after(1000), known = keys) {
  try {
    checkTicket(bytes, known, bearer, now)
    return undefined
  } catch (error) {
    return error instanceof Failure ? error.reason : error
  }
}

describe('a ticket', () => {
  test('says for whom it is and what they may fetch', () => {
    expect(checkTicket(signed, keys, 'lab1', after(1000))).toEqual(ticket)
  })

  test('counts from a minute before its time until it runs out', () => {
    expect(refusal(signed, 'lab1', after(-60_000))).toBeUndefined()
    expect(refusal(signed, 'lab1', after(-60_001))).toBe('TICKET_INVALID')
    expect(refusal(signed, 'lab1', after(longestMs - 1))).toBeUndefined()
    expect(refusal(signed, 'lab1', after(longestMs))).toBe('TICKET_EXPIRED')
  })

  test('of one facility is of no use to another', () => {
    for (const bearer of ['lab2', 'lab', 'lab11', 'LAB1', '']) {
      expect(refusal(signed, bearer)).toBe('TICKET_INVALID')
    }
  })

  test('may not count for longer than a quarter of an hour, whoever signed it', () => {
    const long = signTicket({ ...ticket, expires: after(longestMs + 1000) }, signing(kept))
    expect(refusal(long)).toBe('TICKET_INVALID')
  })

  test('of a key that is not known is refused, whatever the key is called', () => {
    for (const id of ['key1', 'key2']) {
      const forged = signTicket(ticket, signing(newKey(id, noon)))
      expect(refusal(forged)).toBe('TICKET_INVALID')
    }
    expect(refusal(signed, 'lab1', noon, publicKeys([]))).toBe('TICKET_INVALID')
  })

  test('counts under the former key and the new one', () => {
    const next = newKey('key2', noon)
    const both = publicKeys([toldOf(next), toldOf(kept)])
    expect(refusal(signed, 'lab1', noon, both)).toBeUndefined()
    expect(refusal(signTicket(ticket, signing(next)), 'lab1', noon, both)).toBeUndefined()
    expect(refusal(signed, 'lab1', noon, publicKeys([toldOf(next)]))).toBe('TICKET_INVALID')
  })
})

/** Ways to change a ticket, each always another one. */
const mutations: Readonly<Record<string, () => Uint8Array>> = {
  'with a bit flipped': () => {
    const bytes = Buffer.from(signed)
    const at = randomInt(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(8))
    return bytes
  },
  'cut short': () => signed.subarray(0, randomInt(signed.length)),
  'with bytes added': () => Buffer.concat([signed, randomBytes(1 + randomInt(40))]),
  'with bytes put in': () => {
    const at = randomInt(signed.length)
    return Buffer.concat([
      signed.subarray(0, at),
      randomBytes(1 + randomInt(8)),
      signed.subarray(at),
    ])
  },
  'with bytes taken out': () => {
    const at = randomInt(signed.length)
    return Buffer.concat([signed.subarray(0, at), signed.subarray(at + 1 + randomInt(8))])
  },
  'with the signature of another': () => {
    const other = signTicket({ ...ticket, facility: 'lab2' }, signing(kept))
    return Buffer.concat([other.subarray(0, 64), signed.subarray(64)])
  },
  'of a key made up': () => signTicket(ticket, signing(newKey('key1', noon))),
  'made of nothing': () => randomBytes(randomInt(400)),
  'of any length': () => randomBytes(randomInt(100_000)),
}

describe('no ticket is taken', () => {
  test.each(Object.entries(mutations))('%s, of 100', (_, mutate) => {
    const taken = Array.from({ length: 100 }, mutate).filter(
      (bytes) => refusal(bytes) === undefined,
    )
    expect(taken).toEqual([])
  })
})
