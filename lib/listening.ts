import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { splitAddress } from './address.ts'
import { cannotListen } from './rpc/server.ts'

/** An HTTP server that answers, until it is disposed of; what is under way is cut. */
export interface Serving extends AsyncDisposable {
  readonly port: number
}

/** Has an HTTP server answer at `host:port`. */
export async function listenHttp(server: Server, address: string): Promise<Serving> {
  const { host, port } = splitAddress(address)
  server.listen(port, host)
  await once(server, 'listening').catch((error: unknown) => {
    throw cannotListen(address, error as Error)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
