import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import fresh from 'fresh'
import parseRange from 'range-parser'
import type { Clock } from '../chunks/clock.ts'
import { unlessStalled } from '../chunks/batch.ts'
import type { Limit } from '../chunks/limit.ts'
import type { Range } from './raw.ts'
import type { Body } from './body.ts'
import type { Resource } from './listing.ts'

export interface SendDeps {
  readonly open: (resource: Resource) => Promise<Body & Disposable>
  readonly limit: Limit
  readonly clock: Clock
  /** How long a reader may take for a piece of at most 256 KiB. */
  readonly patienceMs: number
}

/** What is asked of a resource: nothing new, its head, or some of its bytes. */
type Wanted =
  | { readonly status: 200 | 206; readonly range: Range }
  | { readonly status: 304 }
  | { readonly status: 416 }

/** Answers with a resource, or a range of it, as the headers ask. */
export async function sendResource(
  request: IncomingMessage,
  response: ServerResponse,
  resource: Resource,
  headers: Readonly<Record<string, string>>,
  deps: SendDeps,
  signal: AbortSignal,
): Promise<void> {
  const { type, sizeBytes, sha256 } = resource
  const etag = `"sha256:${sha256}"`
  const given = { ...headers, etag, 'accept-ranges': 'bytes', 'cache-control': 'no-cache' }
  const wanted = wantedOf(request, etag, sizeBytes)
  if (wanted.status === 304) {
    response.writeHead(304, given).end()
    return
  }
  if (wanted.status === 416) {
    response.writeHead(416, { ...given, 'content-range': `bytes */${sizeBytes}` }).end()
    return
  }
  const { start, end } = wanted.range
  const part =
    wanted.status === 206 ? { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` } : {}
  response.writeHead(wanted.status, {
    ...{ ...given, ...part, 'content-type': type, 'content-length': end - start },
  })
  if (request.method === 'HEAD') response.end()
  else await sendBytes(response, resource, wanted.range, deps, signal)
}

function wantedOf({ headers }: IncomingMessage, etag: string, sizeBytes: number): Wanted {
  const { range, 'if-range': condition } = headers
  if (fresh(headers, { etag })) return { status: 304 }
  const whole = { status: 200, range: { start: 0, end: sizeBytes } } as const
  if (range === undefined || (condition !== undefined && condition !== etag)) return whole
  const ranges = parseRange(sizeBytes, range)
  if (ranges === -1) return { status: 416 }
  // Several ranges at once are answered with all, as anybody may.
  const [only, ...others] = ranges === -2 || ranges.type !== 'bytes' ? [] : ranges
  if (only === undefined || others.length > 0) return whole
  return { status: 206, range: { start: only.start, end: only.end + 1 } }
}

async function sendBytes(
  response: ServerResponse,
  resource: Resource,
  { start, end }: Range,
  { open, limit, clock, patienceMs }: SendDeps,
  signal: AbortSignal,
): Promise<void> {
  using body = await open(resource)
  let left = end - start
  for await (const bytes of body.read(start, end, signal)) {
    for (const piece of piecesOf(bytes)) {
      await limit.take(piece.length, signal)
      left -= piece.length
      if (response.write(piece)) continue
      await unlessStalled(
        once(response, 'drain', { signal }),
        { clock, stallMs: patienceMs },
        signal,
      )
    }
  }
  if (left !== 0) throw new Error(`${left} bytes are left of what was announced`)
  response.end()
}

const pieceBytes = 256 * 1024

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}
