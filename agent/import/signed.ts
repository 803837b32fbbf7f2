import { precondition } from '../../lib/failure.ts'
import type { Client } from './client.ts'
import { below } from './naming.ts'
import type { Content } from './reading.ts'
import { isInline, signedText } from './signature.ts'

/** A list that the key of its source has to have signed. */
export interface SignedList {
  /** The address of its place. */
  readonly url: string
  /** Its name below that. */
  readonly name: string
  readonly key: string
}

/** What is signed of a list: inside, or in a file beside it. ITEM_CORRUPT where that is wrong, SOURCE_UNREADABLE where there is none. */
export async function signedList(
  { url, name, key }: SignedList,
  client: Client,
  now: () => Date,
  signal: AbortSignal,
): Promise<string> {
  const { bytes } = await client.read({ url: below(url, name) }, signal)
  if (isInline(bytes)) return signedText({ name, bytes, key }, now())
  const signature = await signatureOf({ url, name }, client, signal)
  return signedText({ name, bytes, key, signature: signature.bytes }, now())
}

/** As Ubuntu, GnuPG's own documents and Debian name them. */
const endings = ['.gpg', '.sig', '.asc', '.sign']

async function signatureOf(
  { url, name }: Omit<SignedList, 'key'>,
  client: Client,
  signal: AbortSignal,
): Promise<Content> {
  for (const ending of endings) {
    const found = await client.read({ url: below(url, name + ending) }, signal, [200, 404, 403])
    if (found.status === 200) return found
  }
  const names = endings.map((ending) => name + ending).join(', ')
  const text = `${name} has no signature: none of ${names} is there, nor one inside`
  throw precondition('SOURCE_UNREADABLE', text, { address: url })
}
