import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { Metadata, Server, ServerCredentials, status as Code } from '@grpc/grpc-js'
import { chunkPlane } from '../../../lib/chunks/plane.ts'
import { stopped } from '../../../lib/failure.ts'
import { connect, openChannel } from '../../../lib/rpc/connect.ts'
import { collect } from '../../support/chunks.ts'
import { nothing, plane, served, streamOf, untilAborted } from '../../support/rpc.ts'

const asked = { digests: Buffer.alloc(0) }

/** A port where nothing listens. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = server.address()
  server.close()
  await once(server, 'close')
  return typeof at === 'object' && at !== null ? `127.0.0.1:${at.port}` : ''
}

test('a server that is not there is UNREACHABLE, whatever the call', async () => {
  const address = await deadAddress()
  using channel = openChannel(address, 'admin')
  const client = connect(chunkPlane, channel)
  const calls = [
    client.findMissing(nothing),
    collect(client.fetchChunks(asked)),
    client.storeChunks(streamOf(Buffer.from('one'))),
  ]
  for (const call of calls) {
    await expect(call).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'UNREACHABLE',
      message: expect.stringContaining(address),
      facts: { address },
    })
  }
})

test('an answer that does not come in time is TOO_LATE, and the handler hears of it', async () => {
  const over = Promise.withResolvers<unknown>()
  await using server = await served({
    async findMissing(_, { signal }) {
      over.resolve(await untilAborted(signal))
      return asked
    },
  })
  const call = server.client.findMissing(nothing, { deadlineMs: 50 })
  await expect(call).rejects.toMatchObject({ kind: 'late', reason: 'TOO_LATE' })
  expect(await over.promise).toMatchObject({ reason: 'STOPPED' })
})

test('a stream has a deadline when it is given one', async () => {
  await using server = await served({
    async *fetchChunks(_, { signal }) {
      yield Buffer.from('one')
      await untilAborted(signal)
    },
  })
  const stream = server.client.fetchChunks(asked, { deadlineMs: 50 })
  await expect(collect(stream)).rejects.toMatchObject({ reason: 'TOO_LATE' })
})

test('a signal that has aborted already makes no call', async () => {
  const reason = stopped('STOPPED', 'before it began')
  const signal = AbortSignal.abort(reason)
  await using server = await served()
  await expect(server.client.findMissing(nothing, { signal })).rejects.toBe(reason)
  await expect(server.client.storeChunks(streamOf(), { signal })).rejects.toBe(reason)
  await expect(collect(server.client.fetchChunks(asked, { signal }))).rejects.toBe(reason)
  await server[Symbol.asyncDispose]()
  expect(server.recorder.lines).toEqual([])
})

test('an upload whose source fails, fails with that, and the handler does not take it for whole', async () => {
  const begun = Promise.withResolvers<undefined>()
  const outcome = Promise.withResolvers<unknown>()
  await using server = await served({
    async storeChunks(messages) {
      try {
        for await (const _ of messages) begun.resolve(undefined)
        outcome.resolve('complete')
      } catch (error) {
        outcome.resolve(error)
      }
      return {}
    },
  })
  const fault = new Error('the disk is gone')
  async function* broken() {
    yield Buffer.from('one')
    await begun.promise
    throw fault
  }
  await expect(server.client.storeChunks(broken())).rejects.toBe(fault)
  expect(await outcome.promise).toMatchObject({ kind: 'stopped' })
})

test('a server that dies in the middle of a stream ends it as UNREACHABLE', async () => {
  const server = new Server()
  server.addService(plane, {
    fetchChunks: (call: { write: (bytes: Buffer) => void }) => {
      call.write(Buffer.from('one'))
    },
  })
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => {
      resolve(bound)
    })
  })
  using channel = openChannel(`127.0.0.1:${port}`, 'admin')
  const reading = (async () => {
    for await (const _ of connect(chunkPlane, channel).fetchChunks(asked)) server.forceShutdown()
  })()
  await expect(reading).rejects.toMatchObject({
    kind: expect.stringMatching(/unavailable|stopped/),
  })
})

test('details that are no details do no harm', async () => {
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', Buffer.from('ffffffffffff', 'hex'))
  const refuse = { code: Code.NOT_FOUND, details: 'not here', metadata }
  const server = new Server()
  server.addService(plane, {
    findMissing: (_: unknown, reply: (error: typeof refuse) => void) => {
      reply(refuse)
    },
    fetchChunks: (call: { emit: (event: 'error', error: unknown) => void }) => {
      call.emit('error', refuse)
    },
  })
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => {
      resolve(bound)
    })
  })
  using channel = openChannel(`127.0.0.1:${port}`, 'admin')
  const client = connect(chunkPlane, channel)
  const told = { kind: 'missing', reason: 'INTERNAL', message: expect.stringContaining('not here') }
  await expect(client.findMissing(nothing)).rejects.toMatchObject(told)
  await expect(collect(client.fetchChunks(asked))).rejects.toMatchObject(told)
  server.forceShutdown()
})
