import { describe, expect, test } from '@jest/globals'
import { blockBytes, minHoleBytes, stretches } from '../../../lib/content/zeros.ts'

const data = Buffer.alloc(blockBytes, 1)
const zeros = Buffer.alloc(minHoleBytes)

const found = (...parts: readonly Uint8Array[]) => [...stretches(Buffer.concat(parts))]

describe('holes', () => {
  test('are runs of zero blocks', () => {
    expect(found(data, zeros, data)).toEqual([
      { kind: 'data', start: 0, end: blockBytes },
      { kind: 'hole', start: blockBytes, end: blockBytes + minHoleBytes },
      { kind: 'data', start: blockBytes + minHoleBytes, end: minHoleBytes + 2 * blockBytes },
    ])
  })

  test('begin and end at blocks, wherever the zeros do', () => {
    const half = data.subarray(blockBytes / 2)
    const [, hole] = found(half, zeros, zeros, half)
    expect(hole).toEqual({ kind: 'hole', start: blockBytes, end: 2 * minHoleBytes })
  })

  test('are not made of a run that is one block too short', () => {
    const short = zeros.subarray(blockBytes)
    expect(found(data, short, data)).toEqual([
      { kind: 'data', start: 0, end: minHoleBytes + blockBytes },
    ])
  })

  test('reach to the end of data that ends within a block', () => {
    expect(found(data, zeros, Buffer.alloc(5))).toEqual([
      { kind: 'data', start: 0, end: blockBytes },
      { kind: 'hole', start: blockBytes, end: blockBytes + minHoleBytes + 5 },
    ])
  })

  test('are not seen where a single byte of a block is set', () => {
    const spotted = Buffer.alloc(minHoleBytes)
    spotted[blockBytes * 3 - 1] = 1
    expect(found(spotted)).toEqual([{ kind: 'data', start: 0, end: minHoleBytes }])
  })
})
