import { createServer } from 'node:http'
import send from 'send'
import { listenHttp, type Serving } from '../../lib/listening.ts'

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
  return listenHttp(server, address)
}
