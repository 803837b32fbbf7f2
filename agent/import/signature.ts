import {
  createMessage,
  type PublicKey,
  readCleartextMessage,
  readKeys,
  readSignature,
  type Signature,
  verify,
} from 'openpgp'
import { corrupt, type Failure, invalid, precondition } from '../../lib/failure.ts'

/** A list that has to be signed. */
export interface Signed {
  readonly name: string
  readonly bytes: Buffer
  /** The signature, where it is a file of its own. */
  readonly signature?: Buffer
  /** Armored. */
  readonly key: string
}

/** The text that the key signed; ITEM_CORRUPT where it did not. */
export async function signedText(signed: Signed, date: Date): Promise<string> {
  const { name, bytes, signature, key } = signed
  const verificationKeys = await usable(await keysOf(key), date)
  const text = bytes.toString('utf8')
  try {
    if (signature === undefined) {
      const message = await readCleartextMessage({ cleartextMessage: text })
      await oneGood((await verify({ message, verificationKeys, date })).signatures)
      return message.getText()
    }
    const message = await createMessage({ binary: bytes })
    const read = { message, signature: await signatureIn(signature), format: 'binary' } as const
    await oneGood((await verify({ ...read, verificationKeys, date })).signatures)
    return text
  } catch (error) {
    throw unsigned(name, error)
  }
}

/** Whether a list has its signature inside. */
export function isInline(bytes: Buffer): boolean {
  return bytes.subarray(0, 1000).toString('latin1').startsWith('-----BEGIN PGP SIGNED MESSAGE-----')
}

async function keysOf(armoredKeys: string): Promise<PublicKey[]> {
  try {
    return (await readKeys({ armoredKeys })).map((key) => key.toPublic())
  } catch (error) {
    const text =
      'The key of the source is no OpenPGP key: give it armored, as `gpg --export -a` does'
    throw invalid('INVALID_FIELD', text, { field: 'key' }, error)
  }
}

/** A list from when a key still was good may be an old one that somebody shows again. */
async function usable(keys: readonly PublicKey[], now: Date): Promise<PublicKey[]> {
  const looked = await Promise.allSettled(keys.map((key) => key.getSigningKey(undefined, now)))
  const good = keys.filter((_, at) => looked[at]?.status === 'fulfilled')
  if (good.length > 0) return good
  const text = 'The key of the source has run out, was revoked, or cannot sign: give its new one'
  throw precondition('SOURCE_UNREADABLE', text, { name: 'key' })
}

function signatureIn(bytes: Buffer): Promise<Signature> {
  const text = bytes.toString('latin1')
  return text.includes('-----BEGIN PGP')
    ? readSignature({ armoredSignature: text })
    : readSignature({ binarySignature: bytes })
}

/** As where a new key signs beside the old. */
async function oneGood(signatures: readonly { readonly verified: Promise<true> }[]): Promise<void> {
  await Promise.any(signatures.map(({ verified }) => verified))
}

function unsigned(name: string, cause: unknown): Failure {
  const reason = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  const why = reason instanceof Error ? ` (${reason.message.slice(0, 200)})` : ''
  const advice = "check the source's key, and whether somebody changed the list"
  return corrupt(
    'ITEM_CORRUPT',
    `${name} is not signed by the key of the source${why}: ${advice}`,
    { name },
    cause,
  )
}
