import { Metadata, status as Code, type ServiceError, type StatusObject } from '@grpc/grpc-js'
import { ErrorInfo } from '../../proto/gen/google/rpc/error_details.ts'
import { Status } from '../../proto/gen/google/rpc/status.ts'
import { Reason } from '../../proto/gen/merge/image/v1/errors.ts'
import { Failure, type FailureKind, type ReasonName } from '../failure.ts'

const codes: Readonly<Record<FailureKind, Code>> = {
  invalid: Code.INVALID_ARGUMENT,
  missing: Code.NOT_FOUND,
  exists: Code.ALREADY_EXISTS,
  precondition: Code.FAILED_PRECONDITION,
  conflict: Code.ABORTED,
  denied: Code.PERMISSION_DENIED,
  unidentified: Code.UNAUTHENTICATED,
  exhausted: Code.RESOURCE_EXHAUSTED,
  unavailable: Code.UNAVAILABLE,
  late: Code.DEADLINE_EXCEEDED,
  stopped: Code.CANCELLED,
  corrupt: Code.DATA_LOSS,
  internal: Code.INTERNAL,
}

const domain = 'merge.image'
const infoType = 'type.googleapis.com/google.rpc.ErrorInfo'
const detailsKey = 'grpc-status-details-bin'

/** A failure as it goes over the wire. What is no failure of ours is a defect, and says nothing of its inside. */
export function toStatus(error: unknown): StatusObject {
  const failure =
    error instanceof Failure
      ? error
      : new Failure('internal', 'INTERNAL', 'The server failed unexpectedly; its log says more.')
  const code = codes[failure.kind]
  const message = short(failure.message)
  const facts = Object.entries(failure.facts).map(([name, fact]) => [name, short(fact)] as const)
  const info = ErrorInfo.encode({
    reason: failure.reason,
    domain,
    metadata: Object.fromEntries(facts),
  }).finish()
  const details = Status.encode({
    code,
    message,
    details: [{ typeUrl: infoType, value: Buffer.from(info) }],
  }).finish()
  const metadata = new Metadata()
  metadata.set(detailsKey, Buffer.from(details))
  return { code, details: message, metadata }
}

/** A failure goes out in headers, and clients refuse long ones: a word of the request must not make it too long. */
const longest = 2000

function short(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

/** What came over the wire, as the failure that it was; foreign errors become the nearest of ours. */
export function toFailure(error: ServiceError, address: string): Failure {
  const sent = sentInfo(error)
  if (sent !== undefined) {
    return new Failure(kindOf(error.code), sent.reason, error.details, sent.facts)
  }
  const { details } = error
  switch (error.code) {
    case Code.UNAVAILABLE:
      return new Failure(
        'unavailable',
        'UNREACHABLE',
        unanswered(address, details),
        { address },
        error,
      )
    case Code.DEADLINE_EXCEEDED:
      return new Failure('late', 'TOO_LATE', `${address} did not answer in time.`, { address })
    case Code.CANCELLED:
      return new Failure('stopped', 'STOPPED', 'The call was given up.', { address })
    default:
      return new Failure(kindOf(error.code), 'INTERNAL', `${address}: ${details}`, {}, error)
  }
}

/** With the part of grpc-js's account that says something: `ECONNREFUSED`, or what is wrong with a certificate. */
function unanswered(address: string, details: string): string {
  const code = /\bE[A-Z]{4,}\b/.exec(details)?.[0]
  const refused = /Last error: (?:Error|Failure): (.+?)\.? Resolution note:/.exec(details)?.[1]
  if (code === undefined && refused !== undefined) {
    return `${address} does not prove to be who was looked for: ${refused}.`
  }
  const because = code === undefined ? '' : ` (${code})`
  return `Nothing answers at ${address}: is it running, and is the address right?${because}`
}

function kindOf(code: Code): FailureKind {
  const kinds = Object.keys(codes) as FailureKind[]
  return kinds.find((kind) => codes[kind] === code) ?? 'internal'
}

function sentInfo(
  error: ServiceError,
): { reason: ReasonName; facts: Record<string, string> } | undefined {
  const bytes = error.metadata.get(detailsKey)[0]
  if (!Buffer.isBuffer(bytes)) return undefined
  const info = decodeInfo(bytes)
  if (info?.domain !== domain || !(`REASON_${info.reason}` in Reason)) return undefined
  return { reason: info.reason as ReasonName, facts: info.metadata }
}

/** Runs inside a callback of grpc-js, where a throw would end the process. */
function decodeInfo(bytes: Buffer): ErrorInfo | undefined {
  try {
    const detail = Status.decode(bytes).details.find((any) => any.typeUrl === infoType)
    return detail === undefined ? undefined : ErrorInfo.decode(detail.value)
  } catch {
    return undefined
  }
}
