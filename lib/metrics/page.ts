import { createServer } from 'node:http'
import { listenHttp, type Serving } from '../listening.ts'
import type { Meter } from './meter.ts'

/** Serves the figures at /metrics, and nothing else. */
export function serveMeter(meter: Meter, address: string): Promise<Serving> {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?')
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (path !== '/metrics' || !isRead) {
      response.writeHead(path === '/metrics' ? 405 : 404).end()
      return
    }
    meter.text().then(
      (text) => response.writeHead(200, { 'content-type': meter.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
  return listenHttp(server, address)
}
