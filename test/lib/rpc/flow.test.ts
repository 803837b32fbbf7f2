import { expect, test } from '@jest/globals'
import { release } from '../../../lib/memory.ts'
import { served, settled, streamOf } from '../../support/rpc.ts'
import { collect } from '../../support/chunks.ts'

const message = Buffer.alloc(256 * 1024, 7)
const many = 160

test('a reader that does not read holds the sender up, and gets everything in the end', async () => {
  let sent = 0
  await using server = await served({
    async *fetchChunks() {
      for (; sent < many; sent++) {
        await Promise.resolve()
        yield message
      }
    },
  })
  const stream = server.client.fetchChunks({ digests: Buffer.alloc(0) })[Symbol.asyncIterator]()
  await stream.next()
  // The window of a stream is 4 MiB; beyond it there are a few messages on their way.
  expect(await settled(() => sent)).toBeLessThan(64)
  let read = 1
  while ((await stream.next()).done !== true) read++
  expect(read).toBe(many)
})

test('the memory of what a handler sent may be gone once it is asked for more', async () => {
  await using server = await served({
    async *fetchChunks() {
      for (let i = 0; i < many; i++) {
        const bytes = Buffer.from(new Uint8Array(256 * 1024).fill(i).buffer)
        await Promise.resolve()
        yield bytes
        release(bytes)
      }
    },
  })
  let read = 0
  for await (const bytes of server.client.fetchChunks({ digests: Buffer.alloc(0) })) {
    if (read % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(bytes.equals(Buffer.alloc(256 * 1024, read))).toBe(true)
    read++
  }
  expect(read).toBe(many)
})

test('a handler that does not read holds the caller up, and gets everything in the end', async () => {
  let sent = 0
  let read = 0
  const open = Promise.withResolvers<undefined>()
  await using server = await served({
    async storeChunks(messages) {
      for await (const bytes of messages) {
        read += bytes.length
        await open.promise
      }
      return {}
    },
  })
  async function* upload() {
    for (; sent < many; sent++) {
      await Promise.resolve()
      yield message
    }
  }
  const call = server.client.storeChunks(upload())
  expect(await settled(() => sent)).toBeLessThan(64)
  open.resolve(undefined)
  await call
  expect(read).toBe(many * message.length)
})

test('messages that a handler has not read when it is called are not lost', async () => {
  const got: string[] = []
  await using server = await served({
    async storeChunks(messages) {
      await new Promise(setImmediate)
      for await (const bytes of messages) got.push(bytes.toString())
      return {}
    },
  })
  await server.client.storeChunks(
    streamOf(...['one', 'two', 'three'].map((text) => Buffer.from(text))),
  )
  expect(got).toEqual(['one', 'two', 'three'])
})

test('a stream without messages ends at once, both ways', async () => {
  await using server = await served({
    async storeChunks(messages) {
      expect(await collect(messages)).toEqual([])
      return {}
    },
  })
  await server.client.storeChunks(streamOf())
  const stream = server.client.fetchChunks({ digests: Buffer.alloc(0) })
  expect(await collect(stream)).toEqual([])
})
