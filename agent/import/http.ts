import { precondition } from '../../lib/failure.ts'
import type { HttpPlace } from '../../lib/sources/place.ts'
import { type Client, openClient } from './client.ts'
import { type Found, originOf } from './finding.ts'
import { below } from './naming.ts'
import type { Origin, OriginDeps } from './origin.ts'
import type { Content } from './reading.ts'
import { isInline, signedText } from './signature.ts'
import { readSums, type Sum } from './sums.ts'

/** Files beside a list of their checksums. */
export function httpOrigin(place: HttpPlace, deps: OriginDeps): Origin {
  const client = openClient(deps)
  const find = async (signal: AbortSignal): Promise<readonly Found[]> => {
    const sums = readSums(await listOf(place, client, deps.now, signal))
    return sums.map((sum) => foundOf(sum, place, client))
  }
  return originOf(find, deps, client)
}

function foundOf({ name, version }: Sum, place: HttpPlace, client: Client): Found {
  const [, sha256] = /^sha256:(.*)$/.exec(version) ?? []
  return {
    ...{ name, version, fields: {} },
    ...(sha256 === undefined ? {} : { sha256 }),
    open: (signal) => client.fetch({ name, url: below(place.url, name), isChecked: true }, signal),
  }
}

async function listOf(
  place: HttpPlace,
  client: Client,
  now: () => Date,
  signal: AbortSignal,
): Promise<string> {
  const url = below(place.url, place.sums)
  const list = await client.read({ url }, signal)
  if (place.key === undefined) return list.bytes.toString('utf8')
  const signed = { name: place.sums, bytes: list.bytes, key: place.key }
  if (isInline(list.bytes)) return signedText(signed, now())
  const signature = await signatureOf(place, client, signal)
  return signedText({ ...signed, signature: signature.bytes }, now())
}

/** As Ubuntu, GnuPG's own documents and Debian name them. */
const endings = ['.gpg', '.sig', '.asc', '.sign']

async function signatureOf(
  { url, sums }: HttpPlace,
  client: Client,
  signal: AbortSignal,
): Promise<Content> {
  for (const ending of endings) {
    const found = await client.read({ url: below(url, sums + ending) }, signal, [200, 404, 403])
    if (found.status === 200) return found
  }
  const names = endings.map((ending) => sums + ending).join(', ')
  const text = `${sums} has no signature: none of ${names} is there, nor one inside`
  throw precondition('SOURCE_UNREADABLE', text, { address: url })
}
