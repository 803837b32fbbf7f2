import { expect, test } from '@jest/globals'
import { Client, credentials } from '@grpc/grpc-js'
import { unavailable } from '../../../lib/failure.ts'
import { listen } from '../../../lib/rpc/server.ts'
import { nothing, served, untilAborted } from '../../support/rpc.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** What grpc.health.v1 answers for a service: the number of HealthCheckResponse.ServingStatus. */
function health(address: string, service: string): Promise<number> {
  const client = new Client(address, credentials.createInsecure())
  const name = Buffer.from(service)
  const request = Buffer.concat([Buffer.from([0x0a, name.length]), name])
  return new Promise<number>((resolve, reject) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      request,
      (error, answer) => {
        if (error === null && answer !== undefined) resolve(answer[1] ?? 0)
        else reject(error ?? new Error('no answer'))
      },
    )
  }).finally(() => {
    client.close()
  })
}

const serving = 1
const notServing = 2

test('health says whether the server can do its work', async () => {
  await using server = await served()
  expect(await health(server.address, '')).toBe(serving)
  server.server.setHealthy(false)
  expect(await health(server.address, '')).toBe(notServing)
  server.server.setHealthy(true)
  expect(await health(server.address, '')).toBe(serving)
})

test('closing waits for the call under way and ends streams that have no end', async () => {
  const begun = Promise.withResolvers<undefined>()
  const finish = Promise.withResolvers<undefined>()
  await using server = await served({
    async findMissing() {
      begun.resolve(undefined)
      await finish.promise
      return { digests: Buffer.alloc(32) }
    },
    async *fetchChunks(_, { closing }) {
      yield Buffer.from('one')
      await untilAborted(closing)
      throw unavailable('NOT_READY', 'Connect again in a moment.')
    },
  })
  const single = server.client.findMissing(nothing)
  const stream = server.client.fetchChunks({ digests: Buffer.alloc(0) })[Symbol.asyncIterator]()
  await stream.next()
  await begun.promise
  const closed = server.server[Symbol.asyncDispose]()
  await expect(stream.next()).rejects.toMatchObject({ kind: 'unavailable', reason: 'NOT_READY' })
  finish.resolve(undefined)
  expect(await single).toEqual({ digests: Buffer.alloc(32) })
  await closed
  await expect(server.client.findMissing(nothing)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
})

test('an address that is in use is NOT_READY, and says which', async () => {
  await using server = await served()
  const gate = {
    identify: () => ({ name: 'admin', role: { kind: 'admin' } }) as const,
    log: server.recorder.log,
    clock: () => 0,
    recognise: (error: unknown) => error,
  }
  await expect(listen(server.address, [], gate)).rejects.toMatchObject({
    reason: 'NOT_READY',
    message: expect.stringContaining(server.address),
  })
  await using folder = await temporaryFolder()
  await expect(listen(`unix:${folder.path}/none/socket`, [], gate)).rejects.toMatchObject({
    reason: 'NOT_READY',
  })
})

test('a message over 4 MiB is refused, and the server goes on', async () => {
  await using server = await served()
  const call = server.client.findMissing({ ...nothing, digests: Buffer.alloc(5 * 1024 * 1024) })
  await expect(call).rejects.toMatchObject({ kind: 'exhausted' })
  expect(await server.client.findMissing(nothing)).toEqual({ digests: Buffer.alloc(0) })
})

test('bytes that are no message are refused, and the server goes on', async () => {
  await using server = await served()
  const client = new Client(server.address, credentials.createInsecure())
  const answered = new Promise((resolve) => {
    client.makeUnaryRequest(
      '/merge.image.v1.ChunkService/FindMissing',
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      Buffer.from('ffffffffffffffff', 'hex'),
      (error) => {
        resolve(error)
      },
    )
  })
  expect(await answered).toBeInstanceOf(Error)
  client.close()
  expect(await server.client.findMissing(nothing)).toEqual({ digests: Buffer.alloc(0) })
})
