import { Failure, internal } from '../failure.ts'

/** What a thread answers. A class does not survive the way between threads, so a Failure travels in parts. */
export type Reply =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly parts: FailureParts }
  | { readonly kind: 'broken'; readonly why: string }

type FailureParts = Readonly<Pick<Failure, 'kind' | 'reason' | 'message' | 'facts'>>

export function failedReply(error: unknown): Reply {
  if (!(error instanceof Failure)) return { kind: 'broken', why: String(error) }
  const { kind, reason, message, facts } = error
  return { kind: 'failed', parts: { kind, reason, message, facts } }
}

/** The value of the reply, or the failure it carries, thrown. */
export function valueOf(reply: Reply): unknown {
  switch (reply.kind) {
    case 'done':
      return reply.value
    case 'failed': {
      const { kind, reason, message, facts } = reply.parts
      throw new Failure(kind, reason, message, facts)
    }
    case 'broken':
      throw internal('INTERNAL', `a task broke in its worker thread: ${reply.why}`)
  }
}
