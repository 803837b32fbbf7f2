import { expect, test } from '@jest/globals'
import { inTurns } from '../../../services/resolver/turns.ts'

/** Work whose runs end when the test says so. */
function controlled(options: Parameters<typeof inTurns>[1] = {}) {
  const runs: PromiseWithResolvers<number>[] = []
  const ask = inTurns(() => {
    const run = Promise.withResolvers<number>()
    runs.push(run)
    return run.promise
  }, options)
  return { runs, ask }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('who asks during a run shares the next one, and nobody the run that had begun', async () => {
  const { runs, ask } = controlled()
  const first = ask()
  await turn()
  const later = [ask(), ask(), ask()]
  await turn()
  expect(runs).toHaveLength(1)
  runs[0]?.resolve(1)
  await turn()
  expect(runs).toHaveLength(2)
  runs[1]?.resolve(2)
  expect([await first, ...(await Promise.all(later))]).toEqual([1, 2, 2, 2])
})

test('who asks in one turn, before the run begins, shares it', async () => {
  const { runs, ask } = controlled()
  const both = Promise.all([ask(), ask()])
  await turn()
  expect(runs).toHaveLength(1)
  runs[0]?.resolve(1)
  expect(await both).toEqual([1, 1])
})

test('a run that fails fails those who share it, and the next one goes on', async () => {
  const { runs, ask } = controlled()
  const first = ask()
  await turn()
  const second = ask()
  runs[0]?.reject(new Error('lost'))
  await expect(first).rejects.toThrow('lost')
  await turn()
  runs[1]?.resolve(2)
  expect(await second).toBe(2)
})

test('with more lanes a run does not wait for the one before it', async () => {
  const { runs, ask } = controlled({ lanes: 2 })
  const first = ask()
  await turn()
  const second = ask()
  await turn()
  expect(runs).toHaveLength(2)
  runs[1]?.resolve(2)
  expect(await second).toBe(2)
  const third = ask()
  await turn()
  runs[0]?.resolve(1)
  runs[2]?.resolve(3)
  expect([await first, await third]).toEqual([1, 3])
})

test('no more lanes are used than there are, and whoever waits for one gets it', async () => {
  const { runs, ask } = controlled({ lanes: 2, most: 1 })
  const asked = [ask(), ask(), ask(), ask(), ask()]
  await turn()
  for (const [i] of asked.entries()) {
    expect(runs.length).toBeLessThanOrEqual(i + 2)
    runs[i]?.resolve(i)
    await turn()
  }
  expect(await Promise.all(asked)).toEqual([0, 1, 2, 3, 4])
})

test('a run answers so many callers at most', async () => {
  const { runs, ask } = controlled({ lanes: 4, most: 2 })
  const asked = [ask(), ask(), ask()]
  await turn()
  expect(runs).toHaveLength(2)
  runs[0]?.resolve(1)
  runs[1]?.resolve(2)
  expect(await Promise.all(asked)).toEqual([1, 1, 2])
})
