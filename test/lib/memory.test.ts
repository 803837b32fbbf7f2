import { describe, expect, test } from '@jest/globals'
import { movable, release } from '../../lib/memory.ts'

describe('releasing', () => {
  test('gives the memory back', () => {
    const large = new Uint8Array(100_000)
    release(large)
    expect(large.length).toBe(0)
  })

  test('leaves memory alone that is shared', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(100_000))
    const pooled = Buffer.from('short')
    release(shared)
    release(pooled)
    expect([shared.length, pooled.toString()]).toEqual([100_000, 'short'])
  })
})

describe('what moves to another thread', () => {
  test('is the memory itself where nobody else has a part of it', () => {
    const large = new Uint8Array(100_000)
    expect(movable(large)).toBe(large)
  })

  test('is a copy of what lies in memory that is shared', () => {
    const pooled = Buffer.from('short')
    structuredClone(movable(pooled), { transfer: [movable(pooled).buffer] })
    expect(pooled.toString()).toBe('short')
  })
})
