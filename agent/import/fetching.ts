import { precondition, unavailable, type Failure } from '../../lib/failure.ts'
import { faultOf, refusalOf, shown, unreadable } from './answers.ts'
import { type Answer, type Ask, ask, type AskingDeps } from './asking.ts'
import { checkLength } from './checked.ts'
import { Passing, pause, type PersistingDeps } from './persisting.ts'

export interface Wanted extends Ask {
  /** What people call the file. */
  readonly name: string
  /** Which bytes of the file, the last one included; all if not given. */
  readonly part?: { readonly from: number; readonly to: number }
  /** How long the file is, as the list says. */
  readonly sizeBytes?: bigint | undefined
  /** Whether a checksum is looked at in the end, so that bytes may be put together from answers that say nothing of themselves. */
  readonly isChecked: boolean
}

export interface FetchingDeps extends AskingDeps, PersistingDeps {
  readonly mostBytes: bigint
  readonly now: () => Date
}

/** Progress of so many bytes makes up for a connection that broke. */
const enoughBytes = 1024 * 1024

/** How far a file has come. */
interface Progress {
  done: number
  /** The server's own word for the bytes. */
  etag?: string
}

export async function* fetched(
  wanted: Wanted,
  deps: FetchingDeps,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const progress: Progress = { done: 0 }
  let counted = 0
  for (let tried = 1; ; tried++) {
    try {
      yield* attempt(wanted, progress, deps, signal)
      return
    } catch (error) {
      if (progress.done - counted >= enoughBytes) [counted, tried] = [progress.done, 1]
      await pause(error, tried, deps, signal)
    }
  }
}

/** Asks for what is still lacking. */
async function* attempt(
  wanted: Wanted,
  progress: Progress,
  deps: FetchingDeps,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const headers = headersOf(wanted, progress)
  const answer = await ask({ ...wanted, headers }, deps, signal)
  const { body, url } = answer
  const check = (bytes: number): void => {
    checkLength({ ...wanted, sizeBytes: lengthOf(wanted) }, bytes, deps.mostBytes)
  }
  try {
    const { from, end } = spanOf(wanted, progress, answer, deps.now())
    if (end !== undefined) check(end)
    let at = from
    for await (const piece of body as AsyncIterable<Buffer>) {
      at += piece.length
      check(at)
      const fresh = piece.subarray(piece.length - Math.min(piece.length, at - progress.done))
      if (at <= progress.done) continue
      progress.done = at
      yield fresh
    }
    if (end !== undefined && at < end) throw new Passing(cutOff(url, at))
  } catch (error) {
    signal.throwIfAborted()
    throw faultOf(url, error)
  } finally {
    body.on('error', () => undefined).destroy()
  }
}

function lengthOf({ part, sizeBytes }: Wanted): bigint | undefined {
  return part === undefined ? sizeBytes : BigInt(part.to - part.from + 1)
}

/** What was not read yet; without a checksum, only of the same file. */
function headersOf(wanted: Wanted, { done, etag }: Progress): Record<string, string> {
  const { headers, part, isChecked, url } = wanted
  if (part === undefined && done === 0) return { ...headers }
  if (done > 0 && !isChecked && etag === undefined) throw cutOff(url, done)
  const range = `bytes=${(part?.from ?? 0) + done}-${part?.to ?? ''}`
  return { ...headers, range, ...(isChecked || etag === undefined ? {} : { 'if-range': etag }) }
}

/** Which of the wanted bytes an answer has, from the first of them on; `end` where the server says. */
interface Span {
  readonly from: number
  readonly end?: number
}

function spanOf(wanted: Wanted, progress: Progress, answer: Answer, now: Date): Span {
  const { url, status, headers } = answer
  const { part } = wanted
  if (status !== 200 && status !== 206) {
    throw status === 416 && progress.done > 0 ? changed(url) : refusalOf(answer, now)
  }
  if (!wanted.isChecked) checkSame(progress, answer)
  if (status === 206) return partOf(part?.from ?? 0, progress.done, answer)
  if (part !== undefined) {
    throw unreadable(url, 'does not give parts of files (Range), as an archive needs it')
  }
  return wholeOf(headers['content-length'])
}

function wholeOf(length: string | undefined): Span {
  return length === undefined ? { from: 0 } : { from: 0, end: Number(length) }
}

/** Where no checksum tells in the end, the server has to say that these are the bytes, and of the same file. */
function checkSame(progress: Progress, { url, headers }: Answer): void {
  const { etag = '', 'content-encoding': encoding = 'identity' } = headers
  if (encoding !== 'identity') {
    throw unreadable(url, `comes packed as ${encoding}, which was not asked for`)
  }
  if (progress.etag !== undefined && etag !== progress.etag) throw changed(url)
  if (etag.startsWith('"')) progress.etag = etag
}

function partOf(start: number, done: number, { url, headers }: Answer): Span {
  const [, from, to] = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '') ?? []
  if (Number(from) !== start + done) throw unreadable(url, 'gives another part than was asked for')
  return { from: done, end: Number(to) + 1 - start }
}

function cutOff(url: URL, done: number): Failure {
  const address = shown(url)
  const text = `${address} broke the connection after ${done} bytes: try again`
  return unavailable('UNREACHABLE', text, { address })
}

function changed(url: URL): Failure {
  const address = shown(url)
  const text = `${address} changed while it was fetched: try again`
  return precondition('FILE_CHANGED', text, { path: address })
}
