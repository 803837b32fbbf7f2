import { Server, ServerCredentials } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { errorCode, unavailable, type Failure } from '../failure.ts'
import { reflection } from './reflection.ts'
import type { Gate, Mounted } from './serve.ts'
import { widenConnections, widenStreams } from './windows.ts'

/** A server that answers. */
export interface Listening {
  /** The port it listens on; 0 for a unix socket. */
  readonly port: number
  /** Says over grpc.health.v1 whether it can do its work. */
  setHealthy(healthy: boolean): void
  /** Answers what is under way, for ten seconds at most, and closes. */
  [Symbol.asyncDispose](): Promise<void>
}

const drainMs = 10_000

/** Starts a server on `host:port` or `unix:/path`, with health and, given descriptors, reflection. */
export async function listen(
  address: string,
  services: readonly Mounted[],
  gate: Gate,
  descriptors?: Uint8Array,
  shown = ServerCredentials.createInsecure(),
): Promise<Listening> {
  const server = new Server({
    'grpc.max_receive_message_length': 4 * 1024 * 1024,
    'grpc.max_concurrent_streams': 100,
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.http2.min_ping_interval_without_data_ms': 5_000,
  })
  widenStreams(server)
  const closing = new AbortController()
  const names = services.flatMap((service) => serviceName(service))
  const reflected =
    descriptors === undefined ? [] : reflection(descriptors, [...names, 'grpc.health.v1.Health'])
  for (const { definition, implementation } of [...services, ...reflected]) {
    server.addService(definition, implementation(gate, closing.signal))
  }
  const health = new HealthImplementation({ '': 'SERVING' })
  health.addToServer(server)
  const port = await bind(server, address, shown)
  widenConnections(server)
  return {
    port,
    setHealthy: (healthy) => {
      health.setStatus('', healthy ? 'SERVING' : 'NOT_SERVING')
    },
    [Symbol.asyncDispose]: () => {
      closing.abort()
      return close(server)
    },
  }
}

function serviceName({ definition }: Mounted): string[] {
  const path = Object.values(definition)[0]?.path
  return path === undefined ? [] : [path.split('/')[1] ?? '']
}

function bind(server: Server, address: string, shown: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, shown, (error, port) => {
      if (error === null) resolve(port)
      else reject(cannotListen(address, error))
    })
  })
}

/** Nobody can answer there. */
export function cannotListen(address: string, error: Error): Failure {
  return unavailable(
    'NOT_READY',
    `Cannot listen on ${address}: is it in use, or not an address of this machine? (${errorCode(error) ?? error.message})`,
    { address },
  )
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, drainMs)
    server.tryShutdown(() => {
      clearTimeout(force)
      resolve()
    })
  })
}
