import { request } from 'node:http'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { serveFolder } from '../../../agent/projection/http.ts'
import { temporaryFolder } from '../../support/folder.ts'

async function served() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  await writeFile(join(folder.path, 'secret'), 'nobody reads this')
  const root = join(folder.path, 'images')
  await mkdir(join(root, 'bios'), { recursive: true })
  await mkdir(join(root, '.incoming'))
  await writeFile(join(root, 'bios/a-rootfs'), '0123456789')
  await writeFile(join(root, '.incoming/half'), 'ha')
  const { port } = stack.use(await serveFolder(root, '127.0.0.1:0'))
  const owned = stack.move()
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** As it is written, without a client that makes the path a clean one first. */
async function ask(port: number, path: string, method = 'GET', headers = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const asked = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
    let text = ''
    answer.on('data', (part: Buffer) => (text += part.toString()))
    answer.on('end', () => {
      resolve({ status: answer.statusCode ?? 0, text })
    })
  })
  asked.on('error', reject)
  asked.end()
  return promise
}

test('a file is served whole, and in ranges', async () => {
  await using here = await served()
  expect(await ask(here.port, '/bios/a-rootfs')).toEqual({ status: 200, text: '0123456789' })
  expect(await ask(here.port, '/bios/a-rootfs?x=1')).toMatchObject({ text: '0123456789' })
  const middle = await ask(here.port, '/bios/a-rootfs', 'GET', { range: 'bytes=3-5' })
  expect(middle).toEqual({ status: 206, text: '345' })
  expect(await ask(here.port, '/bios/a-rootfs', 'HEAD')).toEqual({ status: 200, text: '' })
  const beyond = await ask(here.port, '/bios/a-rootfs', 'GET', { range: 'bytes=20-' })
  expect(beyond.status).toBe(416)
})

test.each([
  ['/', 404],
  ['/bios', 404],
  ['/bios/', 404],
  ['/none', 404],
  ['/.incoming/half', 404],
  ['/../secret', 403],
  ['/bios/../../secret', 403],
  ['/%2e%2e/secret', 403],
  ['/%00', 400],
  ['/%', 400],
  ['//secret', 404],
])('%s is answered with %d', async (path, status) => {
  await using here = await served()
  expect(await ask(here.port, path)).toMatchObject({ status, text: '' })
})

test.each(['PUT', 'POST', 'DELETE'])('%s is not allowed', async (method) => {
  await using here = await served()
  expect((await ask(here.port, '/bios/a-rootfs', method)).status).toBe(405)
})

test('an address that is taken is said', async () => {
  await using here = await served()
  await expect(serveFolder('/', `127.0.0.1:${here.port}`)).rejects.toMatchObject({
    reason: 'NOT_READY',
    message: expect.stringContaining('is it in use'),
  })
})
