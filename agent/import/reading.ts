import type { IncomingHttpHeaders } from 'node:http'
import { faultOf, unreadable } from './answers.ts'
import type { Answer } from './asking.ts'

/** A whole answer. */
export interface Content {
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** A list of all that Ubuntu ever released has 12 MB. */
const mostListBytes = 64 * 1024 * 1024

const mostListMs = 5 * 60_000

/** Reads an answer that is a list. */
export async function contentOf(answer: Answer, signal: AbortSignal): Promise<Content> {
  const { url, status, headers, body } = answer
  const pieces: Buffer[] = []
  let length = 0
  const late = AbortSignal.timeout(mostListMs)
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > mostListBytes) throw unreadable(url, 'is too long for a list: correct the place')
      if (late.aborted) throw unreadable(url, 'takes too long for a list: try again later')
      pieces.push(piece)
    }
  } catch (error) {
    signal.throwIfAborted()
    throw faultOf(url, error)
  }
  return { url, status, headers, bytes: Buffer.concat(pieces, length) }
}
