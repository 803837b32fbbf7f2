import { createHash } from 'node:crypto'
import { exists, invalid } from '../../lib/failure.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Method, RequestOf, ResponseOf } from '../../lib/rpc/service.ts'
import { recordCall } from '../audit/record.ts'
import type { Sql, Transaction } from './open.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Does the work of a mutation once for each request id of a caller: a repeated request gets the first one's answer, and the
 * same id with another request is refused. Without an id, for people at grpcurl, each call stands for itself. A request that
 * is to be validated only is done and undone, and its id stays free. What takes effect is in the audit log, in the same transaction.
 */
export async function once<M extends Method & { readonly requestStream: false }>(
  sql: Sql,
  method: M,
  caller: Caller,
  request: RequestOf<M> & { readonly requestId: string; readonly validateOnly?: boolean },
  work: (tx: Transaction) => Promise<ResponseOf<M>>,
): Promise<ResponseOf<M>> {
  if (request.validateOnly === true) return rehearse(sql, request.requestId, work)
  const serialize = method.requestSerialize as (message: unknown) => Buffer
  const sent = { requestId: request.requestId, bytes: serialize(request), said: request }
  return onceFor(sql, method, caller, sent, work)
}

/** A request as it was sent: the bytes stand for it, and are compared; what it said is what the audit log keeps. */
interface Sent {
  readonly requestId: string
  readonly bytes: Uint8Array
  readonly said: object
}

/** The same for a request that came as a stream. */
export async function onceFor<M extends Method>(
  sql: Sql,
  method: M,
  caller: Caller,
  { requestId, bytes, said }: Sent,
  work: (tx: Transaction) => Promise<ResponseOf<M>>,
): Promise<ResponseOf<M>> {
  const record = (tx: Transaction, answer: ResponseOf<M>) =>
    recordCall(tx, method, caller, said, answer)
  if (requestId === '') {
    return sql.begin(async (tx) => {
      const answer = await work(tx)
      await record(tx, answer)
      return answer
    }) as Promise<ResponseOf<M>>
  }
  demandUuid(requestId)
  const hash = createHash('sha256').update(bytes).digest()
  return sql.begin(async (tx) => {
    // The empty answer is a claim: a second call with this id waits here until the first has ended.
    const claimed = await tx`
      insert into request (caller, id, method, body_hash, answer)
      values (${caller.name}, ${requestId}, ${method.path}, ${hash}, '')
      on conflict do nothing`
    if (claimed.count === 0) return repeat(tx, method, caller, requestId, hash)
    const answer = await work(tx)
    const kept = (method.responseSerialize as (message: unknown) => Buffer)(answer)
    await Promise.all([
      tx`update request set answer = ${kept} where caller = ${caller.name} and id = ${requestId}`,
      record(tx, answer),
    ])
    return answer
  }) as Promise<ResponseOf<M>>
}

/** Does the work to its end, takes it all back, and answers as if it stood. */
async function rehearse<T>(
  sql: Sql,
  requestId: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  if (requestId !== '') demandUuid(requestId)
  const undone = new Error('it was a rehearsal')
  const { promise, resolve } = Promise.withResolvers<T>()
  try {
    await sql.begin(async (tx) => {
      resolve(await work(tx))
      throw undone
    })
  } catch (error) {
    if (error !== undone) throw error
  }
  return promise
}

function demandUuid(requestId: string): void {
  if (uuid.test(requestId)) return
  throw invalid('INVALID_FIELD', `request_id "${requestId}" is no UUID`, { field: 'request_id' })
}

async function repeat<M extends Method>(
  tx: Transaction,
  method: M,
  caller: Caller,
  requestId: string,
  hash: Buffer,
): Promise<ResponseOf<M>> {
  const [first] = await tx<{ method: string; bodyHash: Buffer; answer: Buffer }[]>`
    select method, body_hash, answer from request where caller = ${caller.name} and id = ${requestId}`
  if (first?.method !== method.path || !first.bodyHash.equals(hash)) {
    throw exists(
      'REQUEST_ID_REUSED',
      `request_id ${requestId} was used for another request: send a new UUID.`,
      { request_id: requestId },
    )
  }
  return method.responseDeserialize(first.answer) as ResponseOf<M>
}
