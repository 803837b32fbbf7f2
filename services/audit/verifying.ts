import { invalid } from '../../lib/failure.ts'
import type { Sql } from '../db/open.ts'
import { whatIsWrong, type Head } from './chain.ts'
import { eventsBetween, readHead } from './queries.ts'

/** What a look at the chain found. */
export interface Verdict {
  readonly first: bigint
  /** The last event that is right. */
  readonly last: Head
  /** What is wrong after it; undefined if nothing is. */
  readonly wrong: string | undefined
}

const atOnce = 1000
const nothing: Head = { sequence: 0n, hash: Buffer.alloc(32) }

/** Walks the chain as it is when it begins. A hash that was noted is what the event at the start must have. */
export async function verifyChain(
  sql: Sql,
  { after, noted }: { readonly after: bigint; readonly noted: Buffer | undefined },
  signal: AbortSignal,
): Promise<Verdict> {
  const end = await readHead(sql)
  const start = after === 0n ? nothing : await headAt(sql, after)
  const isNoted = noted === undefined || start?.hash.equals(noted)
  if (start === undefined || isNoted !== true) {
    const last = { sequence: after - 1n, hash: nothing.hash }
    const wrong =
      start === undefined
        ? `Event ${after} is missing.`
        : `Event ${after} does not have the hash that was noted: the chain was written anew.`
    return { first: after, last, wrong }
  }
  const walked = await walk(sql, start, end.newest, signal)
  const first = after + 1n > walked.last.sequence ? 0n : after + 1n
  return { first, ...walked, wrong: walked.wrong ?? endOf(walked.last, end) }
}

async function walk(
  sql: Sql,
  start: Head,
  upTo: bigint,
  signal: AbortSignal,
): Promise<Pick<Verdict, 'last' | 'wrong'>> {
  let last = start
  for (;;) {
    signal.throwIfAborted()
    const events = await eventsBetween(sql, undefined, { after: last.sequence, upTo, most: atOnce })
    for (const event of events) {
      const wrong = whatIsWrong(last, event)
      if (wrong !== undefined) return { last, wrong }
      last = event
    }
    if (events.length < atOnce) return { last, wrong: undefined }
  }
}

/** The chain must end where its head says. */
function endOf(last: Head, head: Head): string | undefined {
  if (last.sequence < head.sequence) {
    return `Event ${last.sequence + 1n} is missing, and all after it: there were ${head.sequence}.`
  }
  if (last.sequence === head.sequence && last.hash.equals(head.hash)) return undefined
  return 'The last events are not those that the portal put there.'
}

async function headAt(sql: Sql, sequence: bigint): Promise<Head | undefined> {
  const [event] = await eventsBetween(sql, undefined, {
    after: sequence - 1n,
    upTo: sequence,
    most: 1,
  })
  return event
}

/** Reads a hash that somebody noted; undefined for none. */
export function parseHash(text: string): Buffer | undefined {
  if (text === '') return undefined
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  throw invalid('INVALID_FIELD', 'hash is a SHA-256, 64 hexadecimal digits.', { field: 'hash' })
}
