import { readFileSync } from 'node:fs'
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import {
  ResolveImageRequest,
  ResolverServiceService,
} from '../proto/gen/merge/image/v1/resolver.ts'

// Asks a portal what references mean, as fast as it answers, with some calls in flight: `asker.ts ADDRESS FILE IN-FLIGHT
// SECONDS`. Prints what it measured as JSON. It speaks gRPC over node:http2 by itself, so that it costs less than what it
// measures.

const [address = '', file = '', inFlight = '64', seconds = '10'] = process.argv.slice(2)
const { path } = ResolverServiceService.resolveImage
const headers = {
  ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
  'merge-dev-caller': 'experimenter:bench',
}

/** A gRPC message: not compressed, its length, itself. */
function framed(reference: string): Buffer {
  const message = ResolveImageRequest.encode(ResolveImageRequest.create({ reference })).finish()
  const frame = Buffer.alloc(5 + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  return frame
}

function ask(session: ClientHttp2Session, frame: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const call = session.request(headers)
  let bytes = 0
  let status: string | string[] | undefined
  call.on('data', (part: Buffer) => (bytes += part.length))
  call.on('trailers', (trailers: IncomingHttpHeaders) => (status = trailers['grpc-status']))
  call.on('error', reject)
  call.on('close', () => {
    if (status === '0' && bytes > 5) resolve(undefined)
    else reject(new Error(`a call ended with status ${String(status)} and ${bytes} bytes`))
  })
  call.end(frame)
  return promise
}

const frames = readFileSync(file, 'utf8').split('\n').map(framed)
const session = connect(`http://${address}`)
let next = 0

async function round(ms: number): Promise<{ readonly seconds: number; readonly times: number[] }> {
  const times: number[] = []
  const started = performance.now()
  const asker = async (): Promise<void> => {
    while (performance.now() < started + ms) {
      const begun = performance.now()
      await ask(session, frames[next++ % frames.length] ?? Buffer.alloc(0))
      times.push(Math.round((performance.now() - begun) * 1000))
    }
  }
  await Promise.all(Array.from({ length: Number(inFlight) }, asker))
  return { seconds: (performance.now() - started) / 1000, times }
}

await round(5000)
process.stdout.write(JSON.stringify(await round(Number(seconds) * 1000)))
session.close()
