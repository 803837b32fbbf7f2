import { describe, expect, test } from '@jest/globals'
import { packSizeOf } from '../../../lib/chunks/pack.ts'
import { planOrphans, planPacks } from '../../../lib/chunks/tidy.ts'

const pack = (key: string, sizeBytes: number, chunks: number, chunkBytes: number) => ({
  key,
  sizeBytes,
  chunks,
  chunkBytes,
})

describe('what is done about packs', () => {
  test('an empty one goes, a mostly dead one is rewritten, the others stay', () => {
    const empty = pack('packs/1', 1000, 0, 0)
    const poor = pack('packs/2', packSizeOf(10, 10_000), 4, 4000)
    const fair = pack('packs/3', packSizeOf(10, 10_000), 6, 6000)
    const plan = planPacks([empty, poor, fair], 0.5, 1_000_000)
    expect(plan.empty).toEqual([empty])
    expect(plan.rewrite).toEqual([[poor]])
    expect(plan.freedBytes).toBe(1000 + packSizeOf(10, 10_000) - packSizeOf(4, 4000))
  })

  test('a rewritten one is never rewritten for its index, however small its chunks', () => {
    const tiny = pack('packs/1', packSizeOf(1000, 1000), 1000, 1000)
    expect(planPacks([tiny], 0.5, 1_000_000).rewrite).toEqual([])
  })

  test('what is left of several is put together, up to the size of a pack', () => {
    const poor = [1, 2, 3, 4].map((i) => pack(`packs/${i}`, 10_000, 1, 400))
    const { rewrite } = planPacks(poor, 0.5, 1000)
    expect(rewrite).toEqual([poor.slice(0, 2), poor.slice(2)])
  })

  test('one that alone is over that size is rewritten alone', () => {
    const large = [1, 2].map((i) => pack(`packs/${i}`, 100_000, 1, 4000))
    expect(planPacks(large, 0.5, 1000).rewrite).toEqual(large.map((each) => [each]))
  })
})

describe('packs that nobody recorded', () => {
  const [a, b] = ['packs/a', 'packs/b'].map((key) => ({ key, sizeBytes: 10 }))
  if (a === undefined || b === undefined) throw new Error('two packs are missing')

  test('are orphans only once they were seen for long enough', () => {
    const first = planOrphans([a], new Map(), 1000, 500)
    expect(first.orphans).toEqual([])
    const second = planOrphans([a, b], first.strays, 1499, 500)
    expect(second.orphans).toEqual([])
    expect(planOrphans([a, b], second.strays, 1500, 500).orphans).toEqual([a])
  })

  test('are forgotten when they were recorded meanwhile', () => {
    const first = planOrphans([a], new Map(), 1000, 500)
    const second = planOrphans([], first.strays, 1400, 500)
    expect(planOrphans([a], second.strays, 1800, 500).orphans).toEqual([])
  })
})
