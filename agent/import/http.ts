import type { HttpPlace } from '../../lib/sources/place.ts'
import { type Client, openClient } from './client.ts'
import { type Found, originOf } from './finding.ts'
import { below } from './naming.ts'
import type { Origin, OriginDeps } from './origin.ts'
import { signedList } from './signed.ts'
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
  { url, sums, key }: HttpPlace,
  client: Client,
  now: () => Date,
  signal: AbortSignal,
): Promise<string> {
  if (key !== undefined) return signedList({ url, name: sums, key }, client, now, signal)
  return (await client.read({ url: below(url, sums) }, signal)).bytes.toString('utf8')
}
