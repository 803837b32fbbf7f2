import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { get as getSecurely } from 'node:https'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { sleep } from '../../../lib/chunks/clock.ts'
import { limitTo } from '../../../lib/chunks/limit.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { makeLog } from '../../../lib/log.ts'
import type { Body } from '../../../lib/offered/body.ts'
import { serveOffering } from '../../../lib/offered/http.ts'
import type { Resource } from '../../../lib/offered/listing.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { ask } from '../../support/offered.ts'
import '../../support/realm.ts'

const clock = { now: () => performance.now(), sleep }
const megabyte = Buffer.alloc(1_000_000, 'x')

/** A file that never ends, as far as anybody reads, and that tells how often it is read and let go. */
function endless() {
  const told = { pieces: 0, opened: 0, closed: 0 }
  const sizeBytes = 1e12
  const resource = { type: 'x/y', sizeBytes, sha256: sha256(megabyte) } as Resource
  const body: Body & Disposable = {
    sizeBytes,
    async *read(_start, _end, signal) {
      while (!signal.aborted) {
        await breathe()
        told.pieces++
        yield megabyte
      }
    },
    [Symbol.dispose]: () => {
      told.closed++
    },
  }
  const open = () => {
    told.opened++
    return Promise.resolve(body)
  }
  return {
    told,
    resource: { ...resource, content: { kind: 'bytes', bytes: megabyte } } as const,
    open,
  }
}

async function served(
  { open, resource }: Pick<ReturnType<typeof endless>, 'open' | 'resource'>,
  more: { readonly patienceMs?: number; readonly shown?: { cert: string; key: string } } = {},
) {
  const list = () =>
    Promise.resolve({ files: new Map([['file', resource]]), repositories: new Map() })
  const given = { clock, limit: limitTo(undefined, clock), log: makeLog('silent') }
  const deps = { ...given, ...more, offering: { list, open } }
  const serving = await serveOffering('127.0.0.1:0', more.shown, deps)
  return { ...serving, address: `127.0.0.1:${serving.port}` }
}

async function dial({ port }: { readonly port: number }, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

async function settled(isSo: () => boolean): Promise<void> {
  while (!isSo()) await breathe()
}

const asking = 'GET /file HTTP/1.1\r\nhost: x\r\n\r\n'

test('who does not read on is cut off, and costs no more than what is under way', async () => {
  const file = endless()
  await using server = await served(file, { patienceMs: 200 })
  const socket = await dial(server, asking)
  await settled(() => file.told.closed === 1)
  expect(file.told.pieces).toBeLessThan(50)
  socket.destroy()
})

test('who goes away is let go of', async () => {
  const file = endless()
  await using server = await served(file)
  const socket = await dial(server, asking)
  await once(socket, 'data')
  socket.destroy()
  await settled(() => file.told.closed === 1)
})

test('a server that closes ends what is under way', async () => {
  const file = endless()
  const server = await served(file)
  const socket = await dial(server, asking)
  await once(socket, 'data')
  await server[Symbol.asyncDispose]()
  await settled(() => file.told.closed === 1)
})

test('only so many are sent at once; others may ask again, and heads are always told', async () => {
  const file = endless()
  await using server = await served(file)
  const sockets = await Promise.all(Array.from({ length: 32 }, () => dial(server, asking)))
  await settled(() => file.told.opened === 32)
  const refused = await ask(server.address, '/file')
  expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '5' } })
  expect((await ask(server.address, '/file', { method: 'HEAD' })).status).toBe(200)
  for (const socket of sockets) socket.destroy()
})

test('a body that fails is cut off rather than ended', async () => {
  const file = endless()
  const failing: Body & Disposable = {
    sizeBytes: 1e12,
    // eslint-disable-next-line @typescript-eslint/require-await -- it fails at once
    async *read() {
      yield megabyte
      throw new Error('broken')
    },
    [Symbol.dispose]: () => undefined,
  }
  await using server = await served({ ...file, open: () => Promise.resolve(failing) })
  await expect(ask(server.address, '/file')).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test.each([
  ['no HTTP', 'hello\r\n\r\n', '400'],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', '400'],
  ['a header without end', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, '431'],
  [
    'two lengths',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    '400',
  ],
  ['an address of another server', 'GET http://other/file HTTP/1.1\r\nhost: x\r\n\r\n', '404'],
  ['a path of a thousand parts', `GET ${'/..'.repeat(1000)} HTTP/1.1\r\nhost: x\r\n\r\n`, '404'],
])('%s is refused, and the next one is answered', async (_, text, status) => {
  await using server = await served(endless())
  const socket = await dial(server, text)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString().split(' ')[1]).toBe(status)
  socket.destroy()
  expect((await ask(server.address, '/file', { method: 'HEAD' })).status).toBe(200)
})

test('ranges that make no sense are the whole file or none of it', async () => {
  await using server = await served(endless())
  const status = async (range: string) =>
    (await ask(server.address, '/file', { method: 'HEAD', headers: { range } })).status
  expect(await status('bytes=0-1,5-6')).toBe(200)
  expect(await status('lines=0-1')).toBe(200)
  expect(await status('bytes=x-y')).toBe(200)
  expect(await status('bytes=1000000000000-')).toBe(416)
  expect(await status('bytes=5-2')).toBe(416)
})

test('with a certificate it speaks TLS', async () => {
  await using folder = await temporaryFolder()
  const shown = selfSigned(folder.path)
  await using server = await served(endless(), { shown })
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const options = { method: 'HEAD', rejectUnauthorized: false, agent: false }
  getSecurely(`https://${server.address}/file`, options, (answer) => {
    resolve(answer.statusCode)
    answer.destroy()
  })
  expect(await promise).toBe(200)
})

test('files that are no certificate with its key are said', async () => {
  await using folder = await temporaryFolder()
  const shown = { cert: join(folder.path, 'cert'), key: join(folder.path, 'key') }
  const about = { reason: 'INVALID_FIELD', message: expect.stringContaining('--offer-cert') }
  await expect(served(endless(), { shown })).rejects.toMatchObject(about)
  for (const path of Object.values(shown)) await writeFile(path, 'none')
  await expect(served(endless(), { shown })).rejects.toMatchObject(about)
})

function selfSigned(folder: string) {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-subj', '/CN=localhost', '-keyout', key, '-out', cert]
  execFileSync('openssl', [...made, ...files], { stdio: 'pipe' })
  return { cert, key }
}
