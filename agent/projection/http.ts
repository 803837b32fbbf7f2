import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import send from 'send'
import { cannotListen } from '../../lib/rpc/server.ts'

export interface Serving extends AsyncDisposable {
  readonly port: number
}

/** Serves the files of a folder over HTTP, ranges too; nothing else, and nothing whose name begins with a dot. */
export async function serveFolder(root: string, address: string): Promise<Serving> {
  const server = createServer((request, response) => {
    const end = (status: number): void => {
      response.writeHead(status).end()
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      end(405)
      return
    }
    const [path = '/'] = (request.url ?? '/').split('?')
    send(request, path, { root, index: false, dotfiles: 'ignore', cacheControl: false })
      .on('directory', () => {
        end(404)
      })
      .on('error', ({ status }: { readonly status: number }) => {
        end(status)
      })
      .pipe(response)
  })
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? []
  server.listen(Number(port), host)
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
