import { describe, expect, test } from '@jest/globals'
import { startPool } from '../../../lib/workers/pool.ts'

const entry = new URL('./broken.ts', import.meta.url)
const slot = new Uint8Array(new SharedArrayBuffer(1))
const cut = (path: string, fd = -1) =>
  ({ slot, length: 1, filling: { kind: 'span', path, fd, offset: 0 } }) as const

describe('a pool', () => {
  test('does more tasks than it has threads', async () => {
    await using pool = startPool(2, entry)
    const names = ['a', 'b', 'c', 'd', 'e']
    expect(await Promise.all(names.map((name) => pool.run('segment', cut(name))))).toEqual(names)
  })

  test.each(['throw', 'exit'])(
    'fails the task whose thread ends (%s), and goes on',
    async (way) => {
      await using pool = startPool(1, entry)
      const failing = pool.run('segment', cut(way))
      const waiting = pool.run('segment', cut('next'))
      await expect(failing).rejects.toMatchObject({ kind: 'internal', reason: 'INTERNAL' })
      expect(await waiting).toBe('next')
    },
  )

  test('ends what is under way and what waits when it is disposed of', async () => {
    const pool = startPool(1, entry)
    const tasks = Promise.allSettled([
      pool.run('segment', cut('wait')),
      pool.run('segment', cut('never')),
    ])
    await pool[Symbol.asyncDispose]()
    const failed = { status: 'rejected', reason: expect.objectContaining({ reason: 'STOPPED' }) }
    expect(await tasks).toEqual([failed, failed])
    await expect(pool.run('segment', cut('late'))).rejects.toMatchObject({ reason: 'STOPPED' })
  })

  test('drops a task that waits when its signal aborts', async () => {
    await using pool = startPool(1, entry)
    const giveUp = new AbortController()
    const running = pool.run('segment', cut('first'))
    const waiting = pool.run('segment', cut('second'), giveUp.signal)
    giveUp.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(await running).toBe('first')
  })

  test('says so when a task is refused for what it was given', async () => {
    await using pool = startPool(1)
    await expect(pool.run('segment', cut('nowhere', 1_000_000))).rejects.toMatchObject({
      reason: 'UNREADABLE',
    })
  })
})
