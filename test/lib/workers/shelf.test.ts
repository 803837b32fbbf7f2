import { describe, expect, test } from '@jest/globals'
import { stopped } from '../../../lib/failure.ts'
import { shelf } from '../../../lib/workers/shelf.ts'

function numbers(count: number) {
  let made = 0
  return shelf(count, () => ++made)
}

describe('a shelf', () => {
  test('makes a thing only when there is none to lend', async () => {
    const things = numbers(2)
    const first = await things.take()
    first[Symbol.dispose]()
    const again = await things.take()
    const second = await things.take()
    expect([again.item, second.item]).toEqual([1, 2])
  })

  test('serves those who wait in their order', async () => {
    const things = numbers(1)
    const lease = await things.take()
    const order: string[] = []
    const wait = async (name: string): Promise<void> => {
      using turn = await things.take()
      order.push(`${name} ${turn.item}`)
    }
    const waits = [wait('one'), wait('two')]
    lease[Symbol.dispose]()
    await Promise.all(waits)
    expect(order).toEqual(['one 1', 'two 1'])
  })

  test('forgets whoever gives up waiting', async () => {
    const things = numbers(1)
    const lease = await things.take()
    const giveUp = new AbortController()
    const impatient = things.take(giveUp.signal)
    const patient = things.take()
    giveUp.abort(stopped('STOPPED', 'enough'))
    await expect(impatient).rejects.toMatchObject({ reason: 'STOPPED' })
    lease[Symbol.dispose]()
    expect((await patient).item).toBe(1)
  })

  test('turns away whoever waits or comes once it is closed', async () => {
    const things = numbers(1)
    await things.take()
    const waiting = things.take()
    things.close(stopped('STOPPED', 'closed'))
    await expect(waiting).rejects.toMatchObject({ reason: 'STOPPED' })
    await expect(things.take()).rejects.toMatchObject({ reason: 'STOPPED' })
  })
})
