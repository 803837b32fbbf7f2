import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { openObjects } from '../../../lib/chunks/objects.ts'
import '../../support/realm.ts'

/** What a server hears of the class in which an object is to be kept. */
async function classHeard(storageClass?: string): Promise<unknown> {
  let heard: unknown
  const server = createServer((request, response) => {
    heard = request.headers['x-amz-storage-class']
    request.resume().once('end', () => response.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  using objects = await openObjects({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ region: 'us-east-1', bucket: 'bucket', prefix: '', pathStyle: true, random: () => 0 },
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    ...(storageClass === undefined ? {} : { storageClass }),
  })
  await objects.put({ key: 'packs/A', body: Buffer.from('x'), token: 'token', ifAbsent: true })
  server.closeAllConnections()
  server.close()
  return heard
}

test('objects are put in the storage class that is given, or in the usual one of the server', async () => {
  expect(await classHeard('GLACIER_IR')).toBe('GLACIER_IR')
  expect(await classHeard()).toBeUndefined()
})
