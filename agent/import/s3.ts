import { isIP } from 'node:net'
import { openObjects, type Objects, type ObjectStat } from '../../lib/chunks/objects.ts'
import { invalid } from '../../lib/failure.ts'
import type { S3Place } from '../../lib/sources/place.ts'
import { checkAddress, parseAllowed } from './address.ts'
import { checkUrl } from './asking.ts'
import { guardedLookup } from './connecting.ts'
import { type Found, originOf } from './finding.ts'
import type { Origin, OriginDeps } from './origin.ts'

/** Objects of a bucket. */
export async function s3Origin(place: S3Place, deps: OriginDeps): Promise<Origin> {
  const objects = await openGuarded(place, deps)
  const find = async (signal: AbortSignal): Promise<readonly Found[]> => {
    const found: Found[] = []
    let from: string | undefined
    do {
      const page = await objects.page('', from, undefined, signal)
      // A key that ends so is how people make folders.
      const files = page.objects.filter(({ key }) => key !== '' && !key.endsWith('/'))
      found.push(...files.map((stat) => foundOf(stat, objects)))
      from = page.next
    } while (from !== undefined && found.length < mostObjects)
    return found
  }
  return originOf(find, deps, {
    [Symbol.asyncDispose]: () => {
      objects[Symbol.dispose]()
      return Promise.resolve()
    },
  })
}

const mostObjects = 100_000

/** What is asked for at a time. */
const partBytes = 8 * 1024 * 1024

function foundOf({ key, sizeBytes, writtenAt, etag }: ObjectStat, objects: Objects): Found {
  const time = new Date(writtenAt)
  return {
    ...{ name: key, sizeBytes: BigInt(sizeBytes), time, fields: {} },
    version: `${etag ?? time.toISOString()} ${sizeBytes}`,
    async *open(signal) {
      for (let at = 0; at < sizeBytes; at += partBytes) {
        const length = Math.min(partBytes, sizeBytes - at)
        yield Buffer.from(await objects.get(key, at, length, signal, etag))
      }
    },
  }
}

/** Only with credentials that were put there for this server: those of the machine are for other things. */
async function openGuarded(place: S3Place, deps: OriginDeps): Promise<Objects> {
  const { bucket, prefix, region = 'us-east-1', pathStyle } = place
  const { endpoint = `https://s3.${region}.amazonaws.com` } = place
  if (!URL.canParse(endpoint)) {
    const text = `"${endpoint}" is no address of an S3 server: give one as https://s3.example`
    throw invalid('INVALID_FIELD', text, { field: 'endpoint' })
  }
  const url = new URL(endpoint)
  checkUrl(url)
  const { stallMs = 30_000, random, ca, resolve } = deps
  const allowed = parseAllowed(deps.insideAllowed)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0) checkAddress({ protocol: url.protocol, host }, host, allowed)
  const credential = deps.credentials(url)
  if (credential?.kind === 'header') {
    const text = `The credentials for ${url.origin} must be \`basic\`: the access key as user, its secret as password`
    throw invalid('INVALID_FIELD', text, { field: 'endpoint' })
  }
  return openObjects({
    ...{ bucket, prefix, region, endpoint, pathStyle, random, stallMs },
    lookup: guardedLookup(url.protocol, { allowed, stallMs, resolve }),
    ...(ca === undefined ? {} : { ca }),
    ...(deps.patience === undefined ? {} : { patience: deps.patience }),
    ...(credential === undefined
      ? { anonymous: true }
      : { credentials: { accessKeyId: credential.user, secretAccessKey: credential.password } }),
  })
}
