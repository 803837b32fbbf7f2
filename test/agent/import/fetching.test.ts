import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { openClient } from '../../../agent/import/client.ts'
import type { Wanted } from '../../../agent/import/fetching.ts'
import type { OriginDeps } from '../../../agent/import/origin.ts'
import { importDeps, never } from '../../support/importing.ts'

type Answer = (request: IncomingMessage, response: ServerResponse, time: number) => void

const bytes = randomBytes(200_000)

/** Asks a server that answers so, and tells what came and what it was asked. */
async function fetchFrom(
  answer: Answer,
  wanted: Partial<Wanted> = {},
  deps: Partial<OriginDeps> = {},
) {
  const asked: IncomingMessage['headers'][] = []
  const server = createServer((request, response) => {
    asked.push(request.headers)
    answer(request, response, asked.length)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using client = openClient(importDeps(deps))
  const pieces: Buffer[] = []
  const url = new URL(`http://127.0.0.1:${port}/disk?signature=secret`)
  let error: unknown
  try {
    const file = { url, name: 'disk', isChecked: false, ...wanted }
    for await (const piece of client.fetch(file, never)) pieces.push(piece)
  } catch (caught) {
    error = caught
  }
  server.close()
  server.closeAllConnections()
  return { error, asked, came: Buffer.concat(pieces) }
}

/** The start of the file, and then nothing more. */
function cut(response: ServerResponse, headers: Record<string, string>): void {
  response.writeHead(200, { 'content-length': bytes.length, ...headers })
  response.write(bytes.subarray(0, 50_000), () => response.destroy())
}

function rest(request: IncomingMessage, response: ServerResponse, etag: string): void {
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1])
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`
  response.writeHead(206, { etag, 'content-range': range }).end(bytes.subarray(from))
}

test('what broke off goes on where it did, if the file is the same', async () => {
  const { came, asked } = await fetchFrom((request, response, time) => {
    if (time === 1) cut(response, { etag: '"one"' })
    else rest(request, response, '"one"')
  })
  expect(came.equals(bytes)).toBe(true)
  expect(asked[1]).toMatchObject({
    'if-range': '"one"',
    range: expect.stringMatching(/^bytes=\d+-$/),
  })
})

test('and not if it is another by then', async () => {
  const { error } = await fetchFrom((request, response, time) => {
    if (time === 1) cut(response, { etag: '"one"' })
    else rest(request, response, '"two"')
  })
  expect(error).toMatchObject({ reason: 'FILE_CHANGED' })
})

test.each([[{}], [{ etag: 'W/"weak"' }]])(
  'and not without a word of the server for its bytes: %j',
  async (headers) => {
    const { error, asked } = await fetchFrom((_request, response) => {
      cut(response, headers)
    })
    expect(error).toMatchObject({ reason: 'UNREACHABLE' })
    expect(asked).toHaveLength(1)
  },
)

test('with a checksum it goes on all the same, and from the start where the server has no ranges', async () => {
  const ranged = await fetchFrom(
    (request, response, time) => {
      if (time === 1) cut(response, {})
      else rest(request, response, '"other mirror"')
    },
    { isChecked: true },
  )
  expect(ranged.came.equals(bytes)).toBe(true)
  const whole = await fetchFrom(
    (_request, response, time) => {
      if (time === 1) cut(response, {})
      else response.end(bytes)
    },
    { isChecked: true },
  )
  expect(whole.came.equals(bytes)).toBe(true)
})

test('another part than was asked for is none', async () => {
  const { error } = await fetchFrom(
    (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 5-9/100' }).end('abcde')
    },
    { part: { from: 0, to: 4 } },
  )
  expect(error).toMatchObject({ reason: 'SOURCE_UNREADABLE' })
})

test('a file that is longer than files may be is not begun', async () => {
  const { error, came } = await fetchFrom(
    (_request, response) => {
      response.end(bytes)
    },
    {},
    { mostBytes: 100_000n },
  )
  expect(error).toMatchObject({ reason: 'ITEM_TOO_LARGE', kind: 'exhausted' })
  expect(came).toHaveLength(0)
})

test('nothing is asked for packed, and what comes so is not taken', async () => {
  const { error, asked } = await fetchFrom((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
  })
  expect(asked[0]).toMatchObject({ 'accept-encoding': 'identity' })
  expect(error).toMatchObject({ reason: 'SOURCE_UNREADABLE' })
})

test.each([
  [408, 'NOT_READY', 2],
  [500, 'NOT_READY', 2],
  [503, 'NOT_READY', 2],
  [404, 'SOURCE_GONE', 1],
  [410, 'SOURCE_GONE', 1],
  [401, 'SOURCE_REFUSES', 1],
  [403, 'SOURCE_REFUSES', 1],
  [204, 'SOURCE_UNREADABLE', 1],
  [304, 'SOURCE_UNREADABLE', 1],
  [418, 'SOURCE_UNREADABLE', 1],
])('an answer of %d is %s after %d tries, and shows no secret', async (status, reason, tries) => {
  const { error, asked } = await fetchFrom((_request, response) => {
    response.writeHead(status).end()
  })
  expect(error).toMatchObject({ reason })
  expect(asked).toHaveLength(tries)
  expect(String(error) + JSON.stringify(error)).not.toContain('secret')
})

test('what leads on for ever is left', async () => {
  const { error, asked } = await fetchFrom((_request, response) => {
    response.writeHead(302, { location: '/again' }).end()
  })
  expect(error).toMatchObject({ reason: 'SOURCE_UNREADABLE' })
  expect(asked.length).toBeLessThan(12)
})

test('a secret stays where it was sent, and does not come back with who leads back', async () => {
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    const back = `http://127.0.0.1:${home}/back`
    response.writeHead(302, { location: back }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const away = (server.address() as AddressInfo).port
  let home = 0
  const { asked } = await fetchFrom(
    ({ url = '', headers }, response, time) => {
      home = Number((headers.host ?? '').split(':')[1])
      const to = time === 1 ? '/moved' : `http://127.0.0.1:${away}/x`
      if (url === '/back') response.end('done')
      else response.writeHead(302, { location: to }).end()
    },
    {},
    { credentials: () => ({ kind: 'header', name: 'authorization', value: 'secret' }) },
  )
  server.close()
  expect(asked.map(({ authorization }) => authorization)).toEqual(['secret', 'secret', undefined])
  expect(seen).toEqual([undefined])
})

test('an end is heard while bytes are waited for', async () => {
  const stop = new AbortController()
  const server = createServer((_request, response) => {
    response.writeHead(200)
    response.write('x')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using client = openClient(importDeps({ stallMs: 30_000 }))
  const url = new URL(`http://127.0.0.1:${port}/`)
  const coming = client.fetch({ url, name: 'disk', isChecked: false }, stop.signal)
  await coming.next()
  const waiting = coming.next()
  stop.abort(new Error('asked to stop'))
  await expect(waiting).rejects.toThrow('asked to stop')
  server.close()
  server.closeAllConnections()
})
