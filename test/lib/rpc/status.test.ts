import { expect, test } from '@jest/globals'
import { Metadata, status as Code, type ServiceError } from '@grpc/grpc-js'
import * as failure from '../../../lib/failure.ts'
import { toFailure, toStatus } from '../../../lib/rpc/status.ts'

const address = 'host:1'

function asError(status: { code: Code; details: string; metadata: Metadata }): ServiceError {
  return Object.assign(new Error(status.details), status)
}

function foreign(code: Code, details = 'what it said'): ServiceError {
  return asError({ code, details, metadata: new Metadata() })
}

test.each([
  [failure.invalid, 'INVALID_ARGUMENT'],
  [failure.missing, 'NOT_FOUND'],
  [failure.exists, 'ALREADY_EXISTS'],
  [failure.precondition, 'FAILED_PRECONDITION'],
  [failure.conflict, 'ABORTED'],
  [failure.denied, 'PERMISSION_DENIED'],
  [failure.unidentified, 'UNAUTHENTICATED'],
  [failure.exhausted, 'RESOURCE_EXHAUSTED'],
  [failure.unavailable, 'UNAVAILABLE'],
  [failure.late, 'DEADLINE_EXCEEDED'],
  [failure.stopped, 'CANCELLED'],
  [failure.corrupt, 'DATA_LOSS'],
  [failure.internal, 'INTERNAL'],
] as const)('a failure of each kind has a status and comes back as it was: %#', (make, code) => {
  const sent = make('NOT_FOUND', 'what happened', { name: 'a' })
  const status = toStatus(sent)
  expect(Code[status.code]).toBe(code)
  const { kind, reason, message, facts } = toFailure(asError(status), address)
  expect({ kind, reason, message, facts }).toEqual({
    kind: sent.kind,
    reason: 'NOT_FOUND',
    message: 'what happened',
    facts: { name: 'a' },
  })
})

test.each([
  [Code.UNAVAILABLE, 'unavailable', 'UNREACHABLE'],
  [Code.DEADLINE_EXCEEDED, 'late', 'TOO_LATE'],
  [Code.CANCELLED, 'stopped', 'STOPPED'],
  [Code.NOT_FOUND, 'missing', 'INTERNAL'],
  [Code.UNKNOWN, 'internal', 'INTERNAL'],
  [Code.UNIMPLEMENTED, 'internal', 'INTERNAL'],
])('a status %s of another program is %s %s', (code, kind, reason) => {
  expect(toFailure(foreign(code), address)).toMatchObject({ kind, reason })
})

test('a reason that is not in the table is not believed', () => {
  const status = toStatus(failure.missing('NOT_FOUND', 'what happened'))
  const [details] = status.metadata.get('grpc-status-details-bin')
  const altered = Buffer.from(details ?? '')
  altered.write('ABC', altered.indexOf('NOT_FOUND'))
  status.metadata.set('grpc-status-details-bin', altered)
  expect(toFailure(asError(status), address)).toMatchObject({ kind: 'missing', reason: 'INTERNAL' })
})
