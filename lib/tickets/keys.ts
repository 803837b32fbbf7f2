import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { TicketKey } from '../../proto/gen/merge/image/v1/ticket.ts'
import type { TicketKeys } from './ticket.ts'

/** A key pair as it is kept. */
export interface KeptKey {
  readonly id: string
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
  readonly createTime: Date
}

const day = 24 * 60 * 60_000
const rotateMs = 30 * day
/** Agents hear of a new key within seconds; one that was cut off has as long as a ticket lives. */
const announceMs = 15 * 60_000

/** What keys there are to do with at this time: a function of them, the newest first. */
export function planKeys<K extends Pick<KeptKey, 'createTime'>>(
  keys: readonly K[],
  now: Date,
): { readonly isNewDue: boolean; readonly signing: K | undefined; readonly valid: readonly K[] } {
  const valid = keys.slice(0, 2)
  const ageOf = ({ createTime }: K): number => now.getTime() - createTime.getTime()
  const [newest, former] = valid
  const isNewDue = newest === undefined || ageOf(newest) >= rotateMs
  const known = newest !== undefined && ageOf(newest) >= announceMs
  return { isNewDue, signing: known ? newest : (former ?? newest), valid }
}

export function newKey(id: string, createTime: Date): KeptKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    id,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(spkiHead.length),
    createTime,
  }
}

/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex')

export function privateKeyOf({ privateKey }: Pick<KeptKey, 'privateKey'>): KeyObject {
  return createPrivateKey({ key: Buffer.from(privateKey), type: 'pkcs8', format: 'der' })
}

/** The keys that the portal told of; one that is none is left out. */
export function publicKeys(told: readonly TicketKey[]): TicketKeys {
  return new Map(
    told
      .filter(({ publicKey }) => publicKey.length === 32)
      .map(({ id, publicKey }) => {
        const key = Buffer.concat([spkiHead, publicKey])
        return [id, createPublicKey({ key, type: 'spki', format: 'der' })] as const
      }),
  )
}
