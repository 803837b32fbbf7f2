import { describe, expect, jest, test } from '@jest/globals'
import { conflict, corrupt, invalid, missing, stopped, unavailable } from '../../../lib/failure.ts'
import { collect } from '../../support/chunks.ts'
import { nothing, served, streamOf, untilAborted } from '../../support/rpc.ts'

const one = Buffer.from('one')
const two = Buffer.from('two')
const asked = { digests: Buffer.alloc(0) }

/** A stream of these messages that fails after the last. */
async function* failing(error: Error, ...messages: readonly Buffer[]) {
  yield* streamOf(...messages)
  throw error
}

describe('a failure of a handler', () => {
  const failure = conflict('ETAG_MISMATCH', 'It changed: “é” — read it again.', {
    name: 'a/b',
    n: '1',
  })
  const asSent = {
    name: 'Failure',
    kind: 'conflict',
    reason: 'ETAG_MISMATCH',
    message: failure.message,
    facts: { name: 'a/b', n: '1' },
  }

  test('arrives with its kind, reason, message and facts', async () => {
    await using server = await served({ findMissing: () => Promise.reject(failure) })
    await expect(server.client.findMissing(nothing)).rejects.toMatchObject(asSent)
  })

  test('arrives before the first message of a stream', async () => {
    await using server = await served({ fetchChunks: () => failing(failure) })
    await expect(collect(server.client.fetchChunks(asked))).rejects.toMatchObject(asSent)
  })

  test('in the middle of a stream comes after the messages before it', async () => {
    await using server = await served({ fetchChunks: () => failing(failure, one, two) })
    const got: Buffer[] = []
    const reading = (async () => {
      for await (const bytes of server.client.fetchChunks(asked)) got.push(bytes)
    })()
    await expect(reading).rejects.toMatchObject(asSent)
    expect(got).toEqual([one, two])
  })

  test('that is thrown before the handler has a stream arrives too', async () => {
    const fetchChunks = () => {
      throw failure
    }
    await using server = await served({ fetchChunks })
    await expect(collect(server.client.fetchChunks(asked))).rejects.toMatchObject(asSent)
  })

  test('ends an upload that has not sent everything', async () => {
    let ended = false
    async function* endless() {
      try {
        for (;;) {
          await Promise.resolve()
          yield Buffer.alloc(100_000)
        }
      } finally {
        ended = true
      }
    }
    const fault = corrupt('CHUNK_CORRUPT', 'Not these bytes.', { digest: 'd' })
    await using server = await served({
      async storeChunks(messages) {
        for await (const _ of messages) throw fault
        return {}
      },
    })
    await expect(server.client.storeChunks(endless())).rejects.toMatchObject({
      kind: 'corrupt',
      reason: 'CHUNK_CORRUPT',
      facts: { digest: 'd' },
    })
    expect(ended).toBe(true)
  })

  test('of great length arrives, cut', async () => {
    const long = 'x'.repeat(1_000_000)
    await using server = await served({
      findMissing: () => Promise.reject(invalid('INVALID_NAME', `bad: ${long}`, { name: long })),
    })
    await expect(server.client.findMissing(nothing)).rejects.toMatchObject({
      kind: 'invalid',
      reason: 'INVALID_NAME',
      message: expect.stringMatching(/^bad: x+…$/),
    })
  })
})

describe('a defect of a handler', () => {
  const defect = new TypeError('the secret is 42')
  const told = { kind: 'internal', reason: 'INTERNAL', message: expect.not.stringContaining('42') }

  test('becomes INTERNAL, says nothing of its inside, and is in the log', async () => {
    await using server = await served({ findMissing: () => Promise.reject(defect) })
    const failure: unknown = await server.client.findMissing(nothing).catch((e: unknown) => e)
    expect(failure).toMatchObject(told)
    expect(JSON.stringify(failure)).not.toContain('secret')
    const line = await server.recorder.line('call failed unexpectedly')
    expect(line).toMatchObject({
      method: '/merge.image.v1.ChunkService/FindMissing',
      caller: 'producer:test',
      err: { message: 'the secret is 42' },
    })
  })

  test('in the middle of a stream does the same', async () => {
    await using server = await served({ fetchChunks: () => failing(defect, one) })
    await expect(collect(server.client.fetchChunks(asked))).rejects.toMatchObject(told)
  })

  test('that is known to be a lost part is told as that', async () => {
    const lost = unavailable('NOT_READY', 'Try again.')
    await using server = await served(
      { findMissing: () => Promise.reject(defect) },
      { recognise: (error) => (error === defect ? lost : error) },
    )
    await expect(server.client.findMissing(nothing)).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'NOT_READY',
    })
  })
})

describe('a caller that gives up', () => {
  test('aborts the signal of a single call', async () => {
    const begun = Promise.withResolvers<undefined>()
    const over = Promise.withResolvers<unknown>()
    await using server = await served({
      async findMissing(_, { signal }) {
        begun.resolve(undefined)
        over.resolve(await untilAborted(signal))
        throw stopped('STOPPED', 'over')
      },
    })
    const controller = new AbortController()
    const call = server.client.findMissing(nothing, { signal: controller.signal })
    await begun.promise
    const reason = stopped('STOPPED', 'enough')
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    expect(await over.promise).toMatchObject({ kind: 'stopped', reason: 'STOPPED' })
  })

  test('ends the generator of a stream that waits to send', async () => {
    const ended = Promise.withResolvers<boolean>()
    await using server = await served({
      async *fetchChunks(_, { signal }) {
        try {
          for (;;) {
            await Promise.resolve()
            yield Buffer.alloc(100_000)
          }
        } finally {
          ended.resolve(signal.aborted)
        }
      },
    })
    for await (const _ of server.client.fetchChunks(asked)) break
    expect(await ended.promise).toBe(true)
  })

  test('aborts the signal of a stream that has nothing to send', async () => {
    const over = Promise.withResolvers<unknown>()
    await using server = await served({
      async *fetchChunks(_, { signal }) {
        yield one
        over.resolve(await untilAborted(signal))
      },
    })
    const controller = new AbortController()
    const stream = server.client.fetchChunks(asked, { signal: controller.signal })
    const reading = (async () => {
      for await (const _ of stream) controller.abort(stopped('STOPPED', 'enough'))
    })()
    await expect(reading).rejects.toMatchObject({ message: 'enough' })
    expect(await over.promise).toMatchObject({ reason: 'STOPPED' })
  })

  test('in the middle of an upload is not taken for one who has sent everything', async () => {
    const outcome = Promise.withResolvers<unknown>()
    const controller = new AbortController()
    await using server = await served({
      async storeChunks(messages) {
        try {
          for await (const _ of messages) controller.abort(stopped('STOPPED', 'enough'))
          outcome.resolve('complete')
        } catch (error) {
          outcome.resolve(error)
        }
        return {}
      },
    })
    async function* unfinished() {
      yield one
      await untilAborted(controller.signal)
    }
    const call = server.client.storeChunks(unfinished(), { signal: controller.signal })
    await expect(call).rejects.toMatchObject({ message: 'enough' })
    expect(await outcome.promise).toMatchObject({ kind: 'stopped', reason: 'STOPPED' })
  })
})

describe('what every call passes', () => {
  test('a caller that is not identified does not reach the handler', async () => {
    const findMissing = jest.fn(() => Promise.resolve(asked))
    await using server = await served(
      { findMissing },
      {
        identify: () => {
          throw new TypeError('no idea who that is')
        },
      },
    )
    await expect(server.client.findMissing(nothing)).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(findMissing).not.toHaveBeenCalled()
  })

  test('a caller that may not call does not reach the handler', async () => {
    const findMissing = jest.fn(() => Promise.resolve(asked))
    await using server = await served({ findMissing }, { allow: false })
    await expect(server.client.findMissing(nothing)).rejects.toMatchObject({
      kind: 'denied',
      reason: 'NOT_ALLOWED',
      facts: { caller: 'producer:test', method: '/merge.image.v1.ChunkService/FindMissing' },
    })
    expect(findMissing).not.toHaveBeenCalled()
  })

  test('a read that went well is told at debug, and so is not in the log of most servers', async () => {
    await using server = await served()
    await server.client.findMissing(nothing)
    await collect(server.client.fetchChunks(asked))
    await server[Symbol.asyncDispose]()
    expect(server.recorder.lines).toMatchObject([
      { level: 20, msg: 'call', method: '/merge.image.v1.ChunkService/FindMissing' },
      { level: 30, msg: 'call', method: '/merge.image.v1.ChunkService/FetchChunks' },
    ])
  })

  test('each call is one line in the log', async () => {
    await using server = await served({
      findMissing: () => Promise.reject(missing('NOT_FOUND', 'not here')),
    })
    await server.client.findMissing(nothing).catch(() => undefined)
    await collect(server.client.fetchChunks(asked))
    await server[Symbol.asyncDispose]()
    expect(server.recorder.lines).toMatchObject([
      {
        msg: 'call',
        caller: 'producer:test',
        code: 'NOT_FOUND',
        reason: 'NOT_FOUND',
        error: 'not here',
      },
      { msg: 'call', method: '/merge.image.v1.ChunkService/FetchChunks' },
    ])
  })
})
