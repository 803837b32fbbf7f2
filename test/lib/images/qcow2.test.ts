import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { deflateRawSync, zstdCompressSync } from 'node:zlib'
import { Failure } from '../../../lib/failure.ts'
import { readClusters } from '../../../lib/images/clusters.ts'
import { type Qcow2, readQcow2 } from '../../../lib/images/qcow2.ts'
import { noise } from '../../support/chunks.ts'
import { qcow2Of } from '../../support/qcow2.ts'
import '../../support/realm.ts'

const most = 2 ** 40
const clusterBytes = 65_536

const read = (file: Buffer): Qcow2 => readQcow2('disk', file.subarray(0, 512), file.length, most)

function refusal(change: (file: Buffer) => void, file = qcow2Of()): unknown {
  change(file)
  try {
    return read(file)
  } catch (error) {
    return error
  }
}

/** The bytes of the disk; what lies outside the file may never be asked for. */
function content(file: Buffer, image = read(file), length = Math.min(image.sizeBytes, 2 ** 20)) {
  const into = new Uint8Array(length).fill(0xaa)
  const holds = readClusters(image, 0, length, into, (offset, part) => {
    if (offset < 0 || offset + part.length > file.length) throw new RangeError('outside')
    part.set(file.subarray(offset, offset + part.length))
  })
  return holds ? Buffer.from(into) : undefined
}

describe('a qcow2 header', () => {
  test.each([
    ['a backing file', (file: Buffer) => file.writeBigUInt64BE(600n, 8), 'backing file'],
    ['encryption', (file: Buffer) => file.writeUInt32BE(2, 32), 'encrypted'],
    ['an unknown version', (file: Buffer) => file.writeUInt32BE(4, 4), 'version 4'],
    ['a dirty bit', (file: Buffer) => file.writeBigUInt64BE(1n, 72), 'was not closed'],
    ['a corrupt bit', (file: Buffer) => file.writeBigUInt64BE(2n, 72), 'marked as corrupt'],
    ['an external data file', (file: Buffer) => file.writeBigUInt64BE(4n, 72), 'another file'],
    ['extended L2 entries', (file: Buffer) => file.writeBigUInt64BE(16n, 72), 'extended L2'],
    ['a feature of tomorrow', (file: Buffer) => file.writeBigUInt64BE(1n << 40n, 72), '0x1000000'],
    ['tiny clusters', (file: Buffer) => file.writeUInt32BE(8, 20), '2^8'],
    ['huge clusters', (file: Buffer) => file.writeUInt32BE(22, 20), '2^22'],
    ['no size', (file: Buffer) => file.writeBigUInt64BE(0n, 24), '0 bytes'],
    ['a size over the cap', (file: Buffer) => file.writeBigUInt64BE(2n ** 41n, 24), '--max-size'],
    ['too small an L1 table', (file: Buffer) => file.writeUInt32BE(0, 36), 'L1 table of 0 entries'],
    ['too large an L1 table', (file: Buffer) => file.writeUInt32BE(2 ** 23, 36), 'L1 table'],
    [
      'an L1 table outside',
      (file: Buffer) => file.writeBigUInt64BE(4n << 16n, 40),
      'before its L1',
    ],
    ['an L1 table astray', (file: Buffer) => file.writeBigUInt64BE(4097n, 40), 'none can be'],
    ['a header too short', (file: Buffer) => file.writeUInt32BE(72, 100), 'header of 72 bytes'],
    [
      'compression of a type unsaid',
      (file: Buffer) => file.writeBigUInt64BE(8n, 72),
      'unknown way',
    ],
  ])('with %s is refused, with the reason', (_, change, reason) => {
    expect(refusal(change)).toMatchObject({
      reason: 'WRONG_FORMAT',
      facts: { path: 'disk', found: 'qcow2' },
      message: expect.stringContaining(reason),
    })
  })

  test('may name snapshots, which are nobody’s matter', () => {
    expect(refusal((file) => file.writeUInt32BE(3, 60))).toMatchObject({ version: 3 })
  })
})

describe('the clusters of a qcow2', () => {
  const copied = 1n << 63n
  const packed = 1n << 62n
  const data = noise('cluster', clusterBytes)

  test('are read where the table places them, zeros elsewhere', () => {
    const zero = (3n << 16n) | 1n
    const file = qcow2Of({ l2: [0n, copied | (3n << 16n), zero, 1n] })
    data.copy(file, 3 * clusterBytes)
    const found = content(file)
    expect(found?.subarray(clusterBytes, 2 * clusterBytes).equals(data)).toBe(true)
    expect(found?.subarray(2 * clusterBytes).every((byte) => byte === 0)).toBe(true)
  })

  test('that are all zeros are told without a read', () => {
    expect(content(qcow2Of())).toBeUndefined()
  })

  test.each([
    ['zlib', (raw: Buffer) => deflateRawSync(raw)],
    ['zstd', (raw: Buffer) => zstdCompressSync(raw)],
  ])('unpack by %s, whatever else lies in the last sector', (kind, pack) => {
    const stored = pack(data.fill('merge', 1000))
    const sectors = BigInt(Math.ceil((stored.length + 100) / 512) - 1)
    const file = qcow2Of({ l2: [packed | (sectors << 54n) | BigInt(3 * clusterBytes + 100)] })
    file.fill(0xee, 3 * clusterBytes)
    stored.copy(file, 3 * clusterBytes + 100)
    if (kind === 'zstd') {
      file.writeBigUInt64BE(8n, 72)
      file.writeUInt32BE(112, 100)
      file.writeUInt8(1, 104)
    }
    expect(content(file)?.subarray(0, clusterBytes).equals(data)).toBe(true)
  })

  test.each([
    ['outside the file', 9n << 16n],
    ['between clusters', (3n << 16n) | 512n],
    ['by reserved bits', (3n << 16n) | 2n],
    ['as compressed, outside', packed | (9n << 16n)],
    ['as compressed, where there is no such stream', packed | (3n << 16n) | 1n],
  ])('placed %s are refused', (_, entry) => {
    const file = qcow2Of({ l2: [entry] })
    file.fill(0xff, 3 * clusterBytes)
    expect(() => content(file)).toThrow(Failure)
  })

  test('outside a v2 file that says they are zeros are refused: v2 has no such flag', () => {
    expect(() => content(qcow2Of({ version: 2, l2: [1n] }))).toThrow(Failure)
  })

  test('are refused where the file ends within one', () => {
    const file = qcow2Of({ l2: [3n << 16n] })
    expect(() => content(file.subarray(0, file.length - 1))).toThrow(Failure)
  })
})

describe('any bytes at all', () => {
  const orFailure = (act: () => unknown): void => {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }

  test('100,000 mutated headers are read, or refused as a Failure', () => {
    const base = qcow2Of().subarray(0, 512)
    const mutation = fc.array(fc.tuple(fc.nat(112), fc.nat(255)), { minLength: 1, maxLength: 6 })
    const property = fc.property(mutation, fc.nat(512), (changes, length) => {
      const head = Buffer.from(base)
      for (const [at, byte] of changes) head[at] = byte
      orFailure(() => readQcow2('disk', head.subarray(0, 512 - length), 4 * clusterBytes, most))
    })
    fc.assert(property, { numRuns: 100_000 })
  })

  test('2,000 mutated tables are read within the file, or refused as a Failure', () => {
    const bits = fc.constantFrom(9, 12, 16)
    const entry = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc
        .tuple(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 14n }))
        .map(([flags, low]) => (flags << 62n) | low),
    )
    const entries = fc.array(entry, { maxLength: 8 })
    const compression = fc.constantFrom('zlib', 'zstd')
    const property = fc.property(bits, entries, entry, compression, (clusterBits, l2, l1, type) => {
      const file = qcow2Of({ clusterBits, l2 })
      if (l2.length % 2 === 1) file.writeBigUInt64BE(l1, 2 ** clusterBits)
      orFailure(() => content(file, { ...read(file), compression: type }))
    })
    fc.assert(property, { numRuns: 2_000 })
  })
})
