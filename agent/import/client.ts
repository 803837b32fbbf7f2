import type { ZodType } from 'zod'
import { usualPatience } from '../../lib/chunks/attempts.ts'
import { parseAllowed } from './address.ts'
import { refusalOf, unreadable } from './answers.ts'
import { type Answer, type Ask, ask, type AskingDeps } from './asking.ts'
import { guardedAgent } from './connecting.ts'
import { fetched, type FetchingDeps, type Wanted } from './fetching.ts'
import type { OriginDeps } from './origin.ts'
import { persisting } from './persisting.ts'
import { contentOf, type Content } from './reading.ts'

/** Asks servers for a source, guarded as docs/sources.md says. */
export interface Client extends AsyncDisposable {
  /** A whole answer, with a status that is among these: a list, never a disk. */
  read(ask: Ask, signal: AbortSignal, statuses?: readonly number[]): Promise<Content>
  json<T>(schema: ZodType<T>, ask: Ask, signal: AbortSignal): Promise<T>
  /** The bytes of a file, or of a part of it; a connection that breaks is taken up where it broke. */
  fetch(wanted: Wanted, signal: AbortSignal): AsyncGenerator<Buffer>
}

export function openClient(deps: OriginDeps): Client {
  const { insideAllowed, credentials, random, stallMs = 30_000, mostBytes, now } = deps
  const allowed = parseAllowed(insideAllowed)
  const agent = guardedAgent({ allowed, stallMs, ca: deps.ca, resolve: deps.resolve })
  const asking: AskingDeps = { agent, credentials }
  const patience = { ...(deps.patience ?? usualPatience), random }
  const fetching: FetchingDeps = { ...asking, patience, clock: deps.clock, mostBytes, now }
  const read: Client['read'] = (wanted, signal, statuses = [200]) =>
    persisting(
      async () => {
        const answer = await ask(wanted, asking, signal)
        if (!statuses.includes(answer.status)) throw refused(answer, now())
        return contentOf(answer, signal)
      },
      fetching,
      signal,
    )
  return {
    read,
    json: async (schema, wanted, signal) => parsed(schema, await read(wanted, signal)),
    fetch: (wanted, signal) => fetched(wanted, fetching, signal),
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

function refused(answer: Answer, now: Date): Error {
  answer.body.on('error', () => undefined).destroy()
  return refusalOf(answer, now)
}

/** Reads an answer of JSON; SOURCE_UNREADABLE where it is another. */
export function parsed<T>(schema: ZodType<T>, { url, bytes }: Content): T {
  const read = schema.safeParse(treeOf(url, bytes))
  if (read.success) return read.data
  const [issue] = read.error.issues
  const where = issue?.path.join('.') ?? ''
  throw unreadable(url, `is not as it should be: ${where}: ${issue?.message ?? 'wrong'}`)
}

function treeOf(url: URL, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw unreadable(url, 'is no JSON: check that the place is right', error)
  }
}
