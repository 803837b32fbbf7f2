import { expect, test } from '@jest/globals'
import { boundedQueue } from '../../../lib/chunks/queue.ts'
import { collect } from '../../support/chunks.ts'

test('items come out in order, and the end comes after them', async () => {
  const queue = boundedQueue<number>(2)
  const read = collect(queue)
  for (let n = 0; n < 10; n++) await queue.push(n)
  queue.end()
  expect(await read).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('no more than the limit is held: writers wait for the reader', async () => {
  const queue = boundedQueue<number>(3)
  let pushed = 0
  const writers = [1, 2, 3, 4, 5].map((n) => queue.push(n).then(() => pushed++))
  await Promise.all(writers.slice(0, 3))
  expect(pushed).toBe(3)
  const reader = queue[Symbol.asyncIterator]()
  await reader.next()
  await writers[3]
  expect(pushed).toBe(4)
})

test('an error comes after the items before it', async () => {
  const queue = boundedQueue<number>(4)
  await queue.push(1)
  queue.fail(new Error('cut'))
  const reader = queue[Symbol.asyncIterator]()
  expect(await reader.next()).toEqual({ done: false, value: 1 })
  await expect(reader.next()).rejects.toThrow('cut')
})

test('a writer hears that the reader has left', async () => {
  const queue = boundedQueue<number>(1)
  await queue.push(1)
  const [, waiting] = [queue.push(2), queue.push(3)]
  for await (const item of queue) if (item === 1) break
  await expect(waiting).rejects.toMatchObject({ reason: 'STOPPED' })
  await expect(queue.push(4)).rejects.toMatchObject({ reason: 'STOPPED' })
})

test('a waiting writer heeds its signal', async () => {
  const queue = boundedQueue<number>(1)
  await queue.push(1)
  const stop = new AbortController()
  const waiting = queue.push(2, stop.signal)
  stop.abort(new Error('no more'))
  await expect(waiting).rejects.toThrow('no more')
})
