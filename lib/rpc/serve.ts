import {
  status as Code,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { Readable, type Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Failure, denied, stopped } from '../failure.ts'
import type { Access } from './access.ts'
import type { Caller, Identify } from './caller.ts'
import { messages, pour } from './flow.ts'
import type { Definition, Method, Service } from './service.ts'
import { toStatus } from './status.ts'

/** What a handler is told beside the request. */
export interface Call {
  readonly caller: Caller
  /** Aborts when the caller gives up or its deadline passes. */
  readonly signal: AbortSignal
  /** Aborts when the server wants to stop: a stream without end ends then. */
  readonly closing: AbortSignal
}

/** What every call passes through. */
export interface Gate {
  readonly identify: Identify
  readonly log: Logger
  /** Milliseconds since some moment. */
  readonly clock: () => number
  /** Recognises the errors of the parts behind the handlers, a lost database for one. */
  readonly recognise: (error: unknown) => unknown
  /** Is told of each call once it is answered. */
  readonly answered?: (call: AnsweredCall) => void
  /** Is told of each call that was refused for who made it. */
  readonly denied?: (call: DeniedCall) => void
  /** Watches over a call that may go on for long, and ends it once its caller is nobody any more. */
  readonly watch?: (caller: Caller, end: (failure: Failure) => void) => Disposable
}

/** A call that is over. */
export interface AnsweredCall {
  readonly method: string
  /** Of the status, as gRPC writes it: `OK`, `NOT_FOUND`. */
  readonly code: string
  readonly ms: number
  readonly isStream: boolean
}

/** A call that its caller may not make, or whose caller did not say who it is. */
export interface DeniedCall {
  readonly method: string
  readonly caller: Caller | undefined
  /** From where it came, `10.0.0.7:41234`. */
  readonly peer: string
  /** Undefined for a stream of requests. */
  readonly request: unknown
  readonly failure: Failure
}

/** A service ready for a server. */
export interface Mounted {
  readonly definition: ServiceDefinition
  readonly implementation: (gate: Gate, closing: AbortSignal) => UntypedServiceImplementation
}

type Surface = (ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>) & {
  readonly request?: unknown
}
type Handler = (input: unknown, call: Call) => unknown
type OpenGate = Gate & Pick<Call, 'closing'>
type Decide = (caller: Caller, request: unknown) => boolean

/** Joins a definition, its handlers and who may call them. */
export function mount<D extends Definition>(
  definition: D,
  service: Service<D, [call: Call]>,
  access: Access<D>,
): Mounted {
  return {
    definition: definition as unknown as ServiceDefinition,
    implementation: (gate, closing) =>
      Object.fromEntries(
        Object.entries<Method>(definition).map(([name, method]) => [
          name,
          answer(method, service[name] as Handler, access[name] as Decide, { ...gate, closing }),
        ]),
      ),
  }
}

/** One gRPC handler: who calls, may they, the work, the answer, one line in the log. */
function answer(
  method: Method,
  handler: Handler,
  decide: Decide,
  gate: OpenGate,
): UntypedHandleCall {
  const run = async (surface: Surface, reply: sendUnaryData<unknown> | undefined) => {
    const start = gate.clock()
    const { signal, abort, end } = cancellation(surface)
    const requests =
      surface instanceof Readable ? whole(messages<unknown>(surface), signal) : undefined
    let caller: Caller | undefined
    let failure: unknown
    let watched: Disposable | undefined
    try {
      caller = await identified(gate, surface)
      allow(decide, caller, surface.request, method)
      if (method.requestStream || method.responseStream) watched = gate.watch?.(caller, abort)
      const result = handler(requests ?? surface.request, { caller, signal, closing: gate.closing })
      if (reply !== undefined) reply(null, await result)
      else {
        const stream = surface as unknown as Writable
        await pour(result as AsyncIterable<unknown>, stream, signal)
        signal.throwIfAborted()
        stream.end()
      }
    } catch (error) {
      failure = signal.aborted ? signal.reason : gate.recognise(error)
      tellDenied(gate, method, surface, caller, failure)
      const status = toStatus(failure)
      if (reply !== undefined) reply(status)
      else surface.emit('error', status)
    }
    end()
    watched?.[Symbol.dispose]()
    const ms = gate.clock() - start
    note(gate, method, surface.request, caller, ms, failure)
    tellAnswered(gate, method, ms, failure)
  }
  return ((surface: Surface, reply?: sendUnaryData<unknown>) => {
    void run(surface, reply)
  }) as UntypedHandleCall
}

async function identified({ identify }: Gate, surface: Surface): Promise<Caller> {
  const caller = await identify(surface.metadata, () => surface.getAuthContext().sslPeerCertificate)
  return { ...caller, peer: surface.getPeer() }
}

function tellDenied(
  { denied: tell }: Gate,
  { path: method }: Method,
  surface: Surface,
  caller: Caller | undefined,
  failure: unknown,
): void {
  if (!(failure instanceof Failure)) return
  if (failure.kind !== 'denied' && failure.kind !== 'unidentified') return
  tell?.({ method, caller, peer: surface.getPeer(), request: surface.request, failure })
}

function allow(decide: Decide, caller: Caller, request: unknown, method: Method): void {
  if (decide(caller, request)) return
  throw denied('NOT_ALLOWED', `${caller.name} may not call ${method.path} for this resource.`, {
    caller: caller.name,
    method: method.path,
  })
}

/** The stream of a caller that gave up ends a moment before that is known; what came is not to be taken for all of it. */
async function* whole<T>(requests: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  yield* requests
  await setImmediate()
  signal.throwIfAborted()
}

/** What aborts when the caller gives up before the end; grpc-js says so of every call, a moment after its end. */
function cancellation(surface: Surface): {
  readonly signal: AbortSignal
  readonly abort: (failure: Failure) => void
  readonly end: () => void
} {
  const controller = new AbortController()
  let isOver = false
  surface.on('cancelled', () => {
    if (isOver) return
    controller.abort(stopped('STOPPED', 'The caller gave up, or its deadline passed.'))
  })
  return {
    signal: controller.signal,
    abort: (failure) => {
      controller.abort(failure)
    },
    end: () => {
      isOver = true
    },
  }
}

/** A read that went well is told at debug only: there are thousands a second of some, and nobody asks for them later. */
function note(
  { log }: Gate,
  method: Method,
  request: unknown,
  caller: Caller | undefined,
  took: number,
  failure: unknown,
): void {
  const line = { method: method.path, caller: caller?.name, ms: Math.round(took) }
  if (failure === undefined) log[isRead(method, request) ? 'debug' : 'info'](line, 'call')
  else if (failure instanceof Failure && failure.kind !== 'internal') {
    const { code } = toStatus(failure)
    log.info({ ...line, code: Code[code], reason: failure.reason, error: failure.message }, 'call')
  } else log.error({ ...line, err: failure }, 'call failed unexpectedly')
}

function tellAnswered(
  { answered: tell }: Gate,
  { path: method, requestStream, responseStream }: Method,
  ms: number,
  failure: unknown,
): void {
  const code = Code[failure === undefined ? Code.OK : toStatus(failure).code]
  tell?.({ method, code, ms, isStream: requestStream || responseStream })
}

/** Every mutation has a request id, and streams move or watch things. */
function isRead({ requestStream, responseStream }: Method, request: unknown): boolean {
  const isStream = requestStream || responseStream
  return !isStream && typeof request === 'object' && request !== null && !('requestId' in request)
}
