import { describe, expect, test } from '@jest/globals'
import { startPool } from '../../../lib/workers/pool.ts'

const entry = new URL('./broken.ts', import.meta.url)
const span = (path: string) => ({ path, fd: -1, offset: 0, length: 0 })

describe('a pool', () => {
  test('does more tasks than it has threads', async () => {
    await using pool = startPool(2, entry)
    const names = ['a', 'b', 'c', 'd', 'e']
    expect(await Promise.all(names.map((name) => pool.run('hash', span(name))))).toEqual(names)
  })

  test.each(['throw', 'exit'])(
    'fails the task whose thread ends (%s), and goes on',
    async (way) => {
      await using pool = startPool(1, entry)
      const failing = pool.run('hash', span(way))
      const waiting = pool.run('hash', span('next'))
      await expect(failing).rejects.toMatchObject({ kind: 'internal', reason: 'INTERNAL' })
      expect(await waiting).toBe('next')
    },
  )

  test('ends what is under way and what waits when it is disposed of', async () => {
    const pool = startPool(1, entry)
    const tasks = Promise.allSettled([
      pool.run('hash', span('wait')),
      pool.run('hash', span('never')),
    ])
    await pool[Symbol.asyncDispose]()
    const failed = { status: 'rejected', reason: expect.objectContaining({ reason: 'STOPPED' }) }
    expect(await tasks).toEqual([failed, failed])
    await expect(pool.run('hash', span('late'))).rejects.toMatchObject({ reason: 'STOPPED' })
  })

  test('drops a task that waits when its signal aborts', async () => {
    await using pool = startPool(1, entry)
    const giveUp = new AbortController()
    const running = pool.run('hash', span('first'))
    const waiting = pool.run('hash', span('second'), giveUp.signal)
    giveUp.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(await running).toBe('first')
  })

  test('says so when a task is refused for what it was given', async () => {
    await using pool = startPool(1)
    const nowhere = { path: 'nowhere', fd: 1_000_000, offset: 0, length: 1 }
    await expect(pool.run('hash', nowhere)).rejects.toMatchObject({ reason: 'UNREADABLE' })
  })
})
