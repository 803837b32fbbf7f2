import type { Server } from '@grpc/grpc-js'
import type { Http2Server, ServerOptions } from 'node:http2'

/** How far a caller may run ahead of this side, per stream and per connection; 64 KiB by default, which a round trip each empties. */
const streamBytes = 1024 * 1024
const connectionBytes = 4 * 1024 * 1024

/** The HTTP/2 servers below; grpc-js lets a client set its windows, and a server not. */
interface Below {
  readonly commonServerOptions?: ServerOptions
  readonly http2Servers?: ReadonlyMap<Http2Server, unknown>
}

/** Widens the windows of streams; before the server is bound. */
export function widenStreams(server: Server): void {
  const { commonServerOptions: options } = server as unknown as Below
  if (options !== undefined) {
    options.settings = { ...options.settings, initialWindowSize: streamBytes }
  }
}

/** Widens the windows of connections; once the server is bound, before anybody connects. */
export function widenConnections(server: Server): void {
  const { http2Servers } = server as unknown as Below
  for (const http2 of http2Servers?.keys() ?? []) {
    http2.on('session', (session) => {
      session.setLocalWindowSize(connectionBytes)
    })
  }
}
