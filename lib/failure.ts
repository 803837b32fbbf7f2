import type { Reason } from '../proto/gen/merge/image/v1/errors.ts'

/** A reason of the table in errors.proto, without its prefix. */
export type ReasonName = keyof typeof Reason extends infer K
  ? K extends `REASON_${infer Name}`
    ? Exclude<Name, 'UNSPECIFIED'>
    : never
  : never

/** What a failure means to the caller; lib/rpc/status.ts maps each to one gRPC status. */
export type FailureKind =
  | 'invalid'
  | 'missing'
  | 'exists'
  | 'precondition'
  | 'conflict'
  | 'denied'
  | 'unidentified'
  | 'exhausted'
  | 'unavailable'
  | 'late'
  | 'stopped'
  | 'corrupt'
  | 'internal'

export type Facts = Readonly<Record<string, string>>

/** Something that went wrong in a way the caller can understand, and mostly act on. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly kind: FailureKind
  readonly reason: ReasonName
  readonly facts: Facts

  constructor(
    kind: FailureKind,
    reason: ReasonName,
    message: string,
    facts: Facts = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? {} : { cause })
    this.kind = kind
    this.reason = reason
    this.facts = facts
  }
}

type Make = (reason: ReasonName, message: string, facts?: Facts, cause?: unknown) => Failure

const of =
  (kind: FailureKind): Make =>
  (reason, message, facts, cause) =>
    new Failure(kind, reason, message, facts, cause)

export const invalid = of('invalid')
export const missing = of('missing')
export const exists = of('exists')
export const precondition = of('precondition')
export const conflict = of('conflict')
export const denied = of('denied')
export const unidentified = of('unidentified')
export const exhausted = of('exhausted')
export const unavailable = of('unavailable')
export const late = of('late')
export const stopped = of('stopped')
export const corrupt = of('corrupt')
export const internal = of('internal')

/** The code that Node and its libraries put on their errors, `ENOENT` and the like. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
