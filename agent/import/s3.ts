import { isIP } from 'node:net'
import { openObjects, type Objects, type ObjectStat } from '../../lib/chunks/objects.ts'
import { Failure, invalid, missing } from '../../lib/failure.ts'
import { isNamed, statusOf } from '../../lib/chunks/refusals.ts'
import type { S3Place } from '../../lib/sources/place.ts'
import { checkAddress, parseAllowed } from './address.ts'
import { faultOf, refusalOf } from './answers.ts'
import { checkUrl } from './asking.ts'
import { guardedLookup } from './connecting.ts'
import { type Found, originOf } from './finding.ts'
import type { Origin, OriginDeps } from './origin.ts'
import { Passing } from './persisting.ts'

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
        yield await partOf(objects.get(key, at, length, signal, etag), key)
      }
    },
  }
}

async function partOf(reading: Promise<Uint8Array>, key: string): Promise<Buffer> {
  try {
    const bytes = await reading
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'CHUNK_NOT_FOUND') throw error
    const text = `${key} is not in its bucket any more: look again what there is`
    throw missing('SOURCE_GONE', text, { name: key }, error)
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
    describe: (error) => refusedBy(url, bucket, error),
    lookup: guardedLookup(url.protocol, { allowed, stallMs, resolve }),
    ...(ca === undefined ? {} : { ca }),
    ...(deps.patience === undefined ? {} : { patience: deps.patience }),
    ...(credential === undefined
      ? { anonymous: true }
      : { credentials: { accessKeyId: credential.user, secretAccessKey: credential.password } }),
  })
}

function refusedBy({ origin }: URL, bucket: string, error: unknown): unknown {
  const status = statusOf(error)
  const url = new URL(`${origin}/${encodeURIComponent(bucket)}`)
  if (status === undefined) {
    const code = isNamed(error, 'TimeoutError') ? { code: 'ETIMEDOUT' } : error
    const fault = faultOf(url, code)
    return fault instanceof Passing ? fault.failure : fault === code ? error : fault
  }
  const refusal = refusalOf({ url, status, headers: {} }, new Date(0))
  return refusal instanceof Passing ? refusal.failure : refusal
}
