import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Digest, sha256 } from '../../../lib/content/digest.ts'
import { decodeManifest, encodeManifest, manifestDigest } from '../../../lib/content/encoding.ts'
import type { Extents } from '../../../lib/content/extents.ts'
import {
  type Artifact,
  boots,
  chunkDigests,
  kinds,
  type Manifest,
  rankOf,
} from '../../../lib/content/manifest.ts'
import { Failure } from '../../../lib/failure.ts'
import { manifestOf, manifestVectors } from './vectors.ts'

describe('the vectors', () => {
  test.each(manifestVectors.valid)('$name is encoded so', ({ manifest, bytes, digest }) => {
    expect(encodeManifest(manifestOf(manifest)).toString('hex')).toBe(bytes)
    expect(manifestDigest(manifestOf(manifest))).toBe(digest)
  })

  test.each(manifestVectors.valid)('$name is decoded so', ({ manifest, bytes }) => {
    expect(decodeManifest(Buffer.from(bytes, 'hex'))).toEqual(manifestOf(manifest))
  })

  test.each(manifestVectors.invalid)('$name is refused', ({ bytes, at }) => {
    expect(failureOf(Buffer.from(bytes, 'hex'))).toMatchObject({
      kind: 'invalid',
      reason: 'INVALID_MANIFEST',
      facts: { at },
    })
  })
})

describe('any manifest', () => {
  test('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(manifests(), (manifest) => {
        expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest)
      }),
      { numRuns: 100 },
    )
  })

  test('has one encoding: whatever is decoded is encoded to the same bytes', () => {
    fc.assert(
      fc.property(manifests(), fc.nat(), fc.nat(255), (manifest, place, byte) => {
        const bytes = encodeManifest(manifest)
        bytes[place % bytes.length] = byte
        const failure = failureOf(bytes)
        if (failure === undefined)
          expect(encodeManifest(decodeManifest(bytes)).equals(bytes)).toBe(true)
        else expect(failure).toBeInstanceOf(Failure)
      }),
      { numRuns: 500 },
    )
  })

  test('is refused with a Failure when it is cut short', () => {
    fc.assert(
      fc.property(manifests(), fc.nat(), (manifest, length) => {
        const bytes = encodeManifest(manifest)
        expect(failureOf(bytes.subarray(0, length % bytes.length))).toBeInstanceOf(Failure)
      }),
    )
  })
})

test('random bytes are refused with a Failure', () => {
  const tails = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(
      tails,
      fc.constantFrom('', 'MRGM', 'MRGM\x01\x01', 'MRGM\x01\x01\x01'),
      (tail, head) => {
        expect(failureOf(Buffer.concat([Buffer.from(head), tail]))).toBeInstanceOf(Failure)
      },
    ),
    { numRuns: 2000 },
  )
})

test('a manifest of 200,000 entries is encoded and decoded', () => {
  const lengths = Array.from({ length: 200_000 }, (_, i) => (i % 2 === 0 ? 4096 : -65536))
  const digests = Buffer.alloc(100_000 * 32, 7)
  const extents = { lengths, digests }
  const manifest = { artifacts: [artifactOf(extents, 'rootfs', 'any')] }
  expect(decodeManifest(encodeManifest(manifest)).artifacts[0]?.extents.lengths).toHaveLength(
    200_000,
  )
})

test('the digests of a manifest come once each, in the order of the image', () => {
  const [first, second] = [sha256(Buffer.from('first')), sha256(Buffer.from('second'))]
  const digests = Buffer.from([first, second, first].join(''), 'hex')
  const artifact = artifactOf({ lengths: [10, 20, 10], digests }, 'rootfs', 'any')
  expect(chunkDigests({ artifacts: [artifact] })).toEqual([first, second])
})

function failureOf(bytes: Uint8Array): unknown {
  try {
    decodeManifest(bytes)
    return undefined
  } catch (error) {
    return error
  }
}

function manifests(): fc.Arbitrary<Manifest> {
  const names = kinds.flatMap((kind) => boots.map((boot) => ({ kind, boot })))
  return fc
    .tuple(fc.subarray(names.slice(0, 3), { minLength: 1 }), fc.subarray(names.slice(3)))
    .map(([some, others]) => [...some, ...others].sort((one, other) => rankOf(one) - rankOf(other)))
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map(({ kind, boot }) =>
          extentLists().map((extents) => artifactOf(extents, kind, boot)),
        ),
      ),
    )
    .map((artifacts) => ({ artifacts }))
}

/** Chunks of one name have one length here as everywhere, so the name is made of the length. */
function extentLists(): fc.Arbitrary<Extents> {
  const chunk = fc.integer({ min: 1, max: 262_144 })
  const hole = fc.integer({ min: 1, max: 2 ** 40 }).map((length) => -length)
  return fc.array(fc.oneof(chunk, hole), { minLength: 1, maxLength: 12 }).map((all) => {
    const lengths = all.filter((length, i) => length > 0 || !((all[i - 1] ?? 0) < 0))
    const names = lengths
      .filter((length) => length > 0)
      .map((length) => sha256(Buffer.from(`${length}`)))
    return { lengths, digests: Buffer.from(names.join(''), 'hex') }
  })
}

function artifactOf(extents: Extents, kind: Artifact['kind'], boot: Artifact['boot']): Artifact {
  const sizeBytes = extents.lengths.reduce((sum, length) => sum + Math.abs(length), 0)
  const digest: Digest = sha256(Buffer.from(kind))
  return { kind, boot, mediaType: 'text/plain', format: 'raw', sizeBytes, sha256: digest, extents }
}
