import { expect, jest, test } from '@jest/globals'
import { makeBell, makeBells } from '../../lib/bell.ts'

const ages = 1_000_000

test('a ring wakes everybody who waits', async () => {
  const bell = makeBell()
  const waiting = [bell.next(ages), bell.next(ages), bell.next(ages)]
  bell.ring()
  await Promise.all(waiting)
})

test('a ring before one waits does not wake', async () => {
  const bell = makeBell()
  bell.ring()
  let woken = false
  const waiting = bell.next(ages).then(() => (woken = true))
  await new Promise(setImmediate)
  expect(woken).toBe(false)
  bell.ring()
  await waiting
})

test('who waits without a ring is woken in the end', async () => {
  jest.useFakeTimers()
  try {
    let woken = false
    const waiting = makeBell()
      .next(5_000)
      .then(() => (woken = true))
    await jest.advanceTimersByTimeAsync(4_999)
    expect(woken).toBe(false)
    await jest.advanceTimersByTimeAsync(1)
    await waiting
    expect(jest.getTimerCount()).toBe(0)
  } finally {
    jest.useRealTimers()
  }
})

test('a signal wakes, and leaves nothing behind', async () => {
  const bell = makeBell()
  const controller = new AbortController()
  const remove = jest.spyOn(controller.signal, 'removeEventListener')
  const waiting = bell.next(ages, controller.signal)
  controller.abort()
  await waiting
  await bell.next(ages, controller.signal)
  expect(remove).toHaveBeenCalledTimes(2)
})

test('who waits again in its own waking waits for the next ring', async () => {
  const bell = makeBell()
  let rings = 0
  const loop = (async () => {
    for (; rings < 3; rings++) await bell.next(ages)
  })()
  for (let i = 1; i <= 3; i++) {
    bell.ring()
    await new Promise(setImmediate)
    expect(rings).toBe(i)
  }
  await loop
})

test('of bells with keys, a ring wakes those who wait for its key', async () => {
  const bells = makeBells()
  const woken: string[] = []
  const wait = async (key: string): Promise<void> => {
    await bells.next(key, ages)
    woken.push(key)
  }
  const waiting = [wait('a'), wait('b'), wait('a')]
  bells.ring('c')
  bells.ring('a')
  await Promise.all([waiting[0], waiting[2]])
  expect(woken).toEqual(['a', 'a'])
  const again = wait('a')
  bells.ring('b')
  await waiting[1]
  bells.ring('a')
  await again
  expect(woken).toEqual(['a', 'a', 'b', 'a'])
})
