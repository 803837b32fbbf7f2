import {
  Client,
  Metadata,
  credentials,
  type ChannelCredentials,
  type ChannelOptions,
  type CallOptions as GrpcOptions,
  type ServiceError,
} from '@grpc/grpc-js'
import { stopped } from '../failure.ts'
import { callerHeader } from './caller.ts'
import { messages, pour } from './flow.ts'
import type { Client as Calls, Definition, Method } from './service.ts'
import { toFailure } from './status.ts'

/** What a caller may add to a call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** How long to wait for the answer; 30 s for calls that are no stream, without end for streams. */
  readonly deadlineMs?: number
}

/** A generated service as plain async functions over a channel; what fails is a Failure. */
export type Remote<D extends Definition> = Calls<D, [options?: CallOptions]>

/** A connection to a server. */
export interface Channel {
  readonly address: string
  readonly client: Client
  readonly metadata: Metadata
  /** Aborts once calls that begin now and go on for long had better begin again: another certificate is shown from then on. */
  readonly replaced?: AbortSignal
  [Symbol.dispose](): void
}

/** How far a server may run ahead of this reader, per stream: the default of 64 KiB caps a stream at that much a round trip. */
const windowBytes = 4 * 1024 * 1024

/** Opens a channel, in the development mode: no TLS, and the caller is whoever it says. */
export function openChannel(address: string, caller: string): Channel {
  const metadata = new Metadata()
  metadata.set(callerHeader, caller)
  return dial(address, credentials.createInsecure(), metadata)
}

export function dial(
  address: string,
  shown: ChannelCredentials,
  metadata: Metadata,
  options: ChannelOptions = {},
): Channel {
  const client = new Client(address, shown, {
    ...options,
    'grpc-node.flow_control_window': windowBytes,
    'grpc.max_receive_message_length': 8 * 1024 * 1024,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc.use_local_subchannel_pool': 1,
  })
  return {
    address,
    client,
    metadata,
    [Symbol.dispose]: () => {
      client.close()
    },
  }
}

/** The methods of a service at the other end of a channel. */
export function connect<D extends Definition>(definition: D, channel: Channel): Remote<D> {
  const methods = Object.entries(definition).map(([name, method]) => [name, call(method, channel)])
  return Object.fromEntries(methods) as Remote<D>
}

type Erased = (input: unknown, options?: CallOptions) => unknown

function call(method: Method, channel: Channel): Erased {
  if (method.responseStream) return (input, options) => stream(method, channel, input, options)
  return (input, options) => single(method, channel, input, options)
}

const defaultDeadlineMs = 30_000

function grpcOptions(method: Method, { deadlineMs }: CallOptions): GrpcOptions {
  const streams = method.requestStream || method.responseStream
  const ms = deadlineMs ?? (streams ? undefined : defaultDeadlineMs)
  // A deadline is a date for grpc-js; this is the one place that needs to know what time it is.
  return ms === undefined
    ? {}
    : { deadline: new Date(performance.timeOrigin + performance.now() + ms) }
}

async function single(
  method: Method,
  channel: Channel,
  input: unknown,
  options: CallOptions = {},
): Promise<unknown> {
  const { client, metadata, address } = channel
  options.signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const done = (error: ServiceError | null, response?: unknown): void => {
    if (error) reject(failed(error, address, options.signal))
    else resolve(response)
  }
  const common = [metadata, grpcOptions(method, options), done] as const
  const { path, requestSerialize, responseDeserialize } = method
  const serialize = requestSerialize as (message: unknown) => Buffer
  if (!method.requestStream) {
    const unary = client.makeUnaryRequest(path, serialize, responseDeserialize, input, ...common)
    return whileHeld(options.signal, unary, promise)
  }
  const upload = client.makeClientStreamRequest(path, serialize, responseDeserialize, ...common)
  upload.on('error', () => undefined)
  const over = new AbortController()
  const settled = promise.finally(() => {
    over.abort(stopped('STOPPED', 'The call ended.'))
  })
  pour(input as AsyncIterable<unknown>, upload, over.signal).then(
    () => upload.end(),
    (error: unknown) => {
      reject(error)
      upload.cancel()
    },
  )
  return whileHeld(options.signal, upload, settled)
}

async function* stream(
  method: Method,
  channel: Channel,
  input: unknown,
  options: CallOptions = {},
): AsyncGenerator {
  const { client, metadata, address } = channel
  options.signal?.throwIfAborted()
  const { path, requestSerialize, responseDeserialize } = method
  const serialize = requestSerialize as (message: unknown) => Buffer
  const rest = [metadata, grpcOptions(method, options)] as const
  if (method.requestStream) throw new TypeError(`${path}: streams both ways are for servers only`)
  const download = client.makeServerStreamRequest(
    path,
    serialize,
    responseDeserialize,
    input,
    ...rest,
  )
  const cancel = (): void => {
    download.cancel()
  }
  options.signal?.addEventListener('abort', cancel, { once: true })
  try {
    yield* messages<unknown>(download)
  } catch (error) {
    throw failed(error as ServiceError, address, options.signal)
  } finally {
    options.signal?.removeEventListener('abort', cancel)
    download.cancel()
  }
}

async function whileHeld<T>(
  signal: AbortSignal | undefined,
  call: { cancel(): void },
  promise: Promise<T>,
): Promise<T> {
  const cancel = (): void => {
    call.cancel()
  }
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

function failed(error: ServiceError, address: string, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true ? signal.reason : toFailure(error, address)
}
