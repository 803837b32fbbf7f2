import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { sha256 } from '../../../lib/content/digest.ts'
import { Failure } from '../../../lib/failure.ts'
import { renderAbout } from '../../../lib/portable/about.ts'
import type { About } from '../../../lib/portable/parse.ts'
import { tarEnd, tarHeader } from '../../../lib/portable/tar.ts'
import { digestsOf, noise, rawChunk, zstdChunk, type Chunk } from '../../support/chunks.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import {
  archiveOf,
  imageOf,
  membersOf,
  packOf,
  readBytes,
  readWhole,
  tarOf,
  writtenOf,
  type Member,
} from '../../support/portable.ts'

const image = imageOf(noise('small', 70_000))
const [about, manifest, pack] = membersOf(image) as [Member, Member, Member]
const good = archiveOf([about, manifest, pack])

let folder: Folder

beforeAll(async () => {
  folder = await temporaryFolder()
})

afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

/** Why bytes are refused. */
async function refusal(bytes: Uint8Array): Promise<Failure> {
  const error: unknown = await readBytes(folder.path, bytes).then(
    () => undefined,
    (failure: unknown) => failure,
  )
  if (error instanceof Failure) return error
  throw new Error('it was not refused', { cause: error })
}

const refusals = new Set(['FILE_CORRUPT', 'WRONG_FORMAT'])

describe('a portable image', () => {
  test('is read back as it was written', async () => {
    expect(await writtenOf(image)).toEqual(good)
    const digests = await readBytes(folder.path, good)
    expect(digests.toSorted()).toEqual(digestsOf(image.chunks).toSorted())
  })

  test('is refused if any byte of it is another', async () => {
    // Most of it is chunks; half of the tries go to what is around them.
    const start = good.indexOf('MRGPACK')
    const anywhere = fc.integer({ min: 0, max: good.length - 1 })
    const around = fc.oneof(
      fc.integer({ min: 0, max: start + 100 }),
      fc.integer({ min: good.length - 3000, max: good.length - 1 }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anywhere, around),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const bytes = Buffer.from(good)
          bytes[at] = (bytes[at] ?? 0) ^ by
          expect(refusals).toContain((await refusal(bytes)).reason)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('is refused if it is cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: good.length - 1 }), async (end) => {
        expect(refusals).toContain((await refusal(good.subarray(0, end))).reason)
      }),
      { numRuns: 100 },
    )
    const { message } = await refusal(good.subarray(0, 20_000))
    expect(message).toContain('packs/000001.pack: the file ends too early')
  })

  test('is refused if anything follows it', async () => {
    for (const more of [Buffer.alloc(1), Buffer.alloc(512), tarEnd, Buffer.from('x')]) {
      const { message } = await refusal(Buffer.concat([good, more]))
      expect(message).toContain('something follows it')
    }
  })

  test('is refused where there is none', async () => {
    const absent = readWhole(join(folder.path, 'absent'))
    await expect(absent).rejects.toMatchObject({ reason: 'UNREADABLE' })
    await expect(readWhole(folder.path)).rejects.toMatchObject({ reason: 'WRONG_FORMAT' })
  })

  const others: readonly (readonly [string, Uint8Array])[] = [
    ['an empty file', Buffer.alloc(0)],
    ['a disk', noise('disk', 10_000)],
    ['another tar', tarOf([{ name: 'a', bytes: Buffer.from('a') }])],
  ]
  test.each(others)('is not %s', async (_what, bytes) => {
    expect(await refusal(bytes)).toMatchObject({ kind: 'invalid', reason: 'WRONG_FORMAT' })
  })
})

/** The image with something else said of it. */
function saying(more: Partial<Record<keyof About, unknown>>): Member {
  return { ...about, bytes: renderAbout({ ...image.about, ...more } as About) }
}

function packed(...chunks: readonly Chunk[]): Member {
  return { ...pack, bytes: packOf(chunks) }
}

const stranger = rawChunk(noise('stranger', 5000))
const [firstChunk, ...moreChunks] = image.chunks as [Chunk, ...Chunk[]]
const second: Member = { name: 'packs/000002.pack', bytes: packOf([stranger]) }
const huge = Buffer.concat([
  tarHeader('image.json', about.bytes.length),
  about.bytes,
  Buffer.alloc(512 - (about.bytes.length % 512)),
  tarHeader('manifest', 8 * 1024 ** 3 - 1),
])

/** A frame of 256 KiB of zeros under the name and length of a small chunk. */
const bomb = {
  entry: { ...firstChunk.entry, storedBytes: zstdChunk(Buffer.alloc(262_144)).stored.length },
  stored: zstdChunk(Buffer.alloc(262_144)).stored,
}

/** What somebody may write by hand, with every sum right. */
const forged: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['its members in another order', archiveOf([manifest, about, pack]), /is no portable image/],
  ['its packs before its manifest', archiveOf([about, pack, manifest]), /packs\S+ is in its place/],
  ['a member twice', archiveOf([about, manifest, manifest, pack]), /manifest is in its place/],
  ['its pack twice', archiveOf([about, manifest, pack, pack]), /000001.pack is in its place/],
  [
    'a member that has no place in it',
    archiveOf([about, manifest, pack, { name: '../../etc/passwd', bytes: Buffer.from('x') }]),
    /SHA256SUMS: \.\.\/\.\.\/etc\/passwd is in its place/,
  ],
  ['no pack', archiveOf([about, manifest]), /SHA256SUMS is in its place/],
  ['a pack more', archiveOf([about, manifest, pack, second]), /000002.pack is in its place/],
  ['an empty pack', archiveOf([about, manifest, packed()]), /there is no chunk in it/],
  [
    'more chunks than the manifest names',
    archiveOf([about, manifest, packed(...image.chunks, stranger)]),
    /more chunks than the manifest names/,
  ],
  [
    'a chunk of another image',
    archiveOf([about, manifest, packed(stranger, ...moreChunks)]),
    /chunk 0 is not the one/,
  ],
  [
    'its chunks in another order',
    archiveOf([about, manifest, packed(...image.chunks.toReversed())]),
    /chunk 0 is not the one/,
  ],
  [
    'a chunk with other bytes than its digest says',
    archiveOf([
      about,
      manifest,
      packed(
        {
          ...rawChunk(noise('other', firstChunk.entry.rawBytes)),
          entry: { ...firstChunk.entry, codec: 'raw', storedBytes: firstChunk.entry.rawBytes },
        },
        ...moreChunks,
      ),
    ]),
    /the bytes sent for chunk/,
  ],
  [
    'a chunk that unpacks to more than it says',
    archiveOf([about, manifest, packed(bomb, ...moreChunks)]),
    /is damaged at packs/,
  ],
  [
    'no pack in a pack',
    archiveOf([about, manifest, { ...pack, bytes: noise('pack', 999) }]),
    /the pack is damaged/,
  ],
  [
    'the manifest of another image',
    archiveOf([saying({ digest: `sha256:${'0'.repeat(64)}` }), manifest, pack]),
    /its digest is sha256:/,
  ],
  [
    'other files than its manifest',
    archiveOf([saying({ artifacts: [] }), manifest, pack]),
    /its files are not those/,
  ],
  [
    'a name that no image has',
    archiveOf([saying({ name: 'debian' }), manifest, pack]),
    /no exact name/,
  ],
  [
    'a manifest that is none',
    archiveOf([
      saying({ digest: `sha256:${sha256(Buffer.from('x'))}` }),
      { ...manifest, bytes: Buffer.from('x') },
      pack,
    ]),
    /manifest/,
  ],
  [
    'a version that is not known',
    archiveOf([saying({ version: 2 }), manifest, pack]),
    /version 2 of the format/,
  ],
  [
    'a field that is not known',
    archiveOf([saying({ ['more' as 'notes']: 1 }), manifest, pack]),
    /image.json is unreadable/,
  ],
  [
    'another spelling of what it says',
    archiveOf([{ ...about, bytes: Buffer.from(JSON.stringify(image.about)) }, manifest, pack]),
    /one spelling/,
  ],
  ['a member of 8 GiB', huge, /manifest: it has over/],
  ['no sums', tarOf([about, manifest, pack]), /its header is not as it should be/],
  [
    'wrong sums',
    tarOf([
      about,
      manifest,
      pack,
      { name: 'SHA256SUMS', bytes: Buffer.from(sumsOf('0'.repeat(64))) },
    ]),
    /image.json has another checksum/,
  ],
]

function sumsOf(first: string): string {
  const [, ...others] = [about, manifest, pack].map(
    ({ name, bytes }) => `${sha256(bytes)}  ${name}\n`,
  )
  return [`${first}  image.json\n`, ...others].join('')
}

describe('what is no portable image', () => {
  test.each(forged)('has %s', async (_what, bytes, says) => {
    const failure = await refusal(bytes)
    expect(failure.message).toMatch(says)
    expect(refusals).toContain(failure.reason)
    expect(failure.facts['path']).toBe(join(folder.path, 'some.image.tar'))
  })

  test('may look well up to its end, and its chunks come before that is known', async () => {
    const path = join(folder.path, 'late.image.tar')
    const bytes = Buffer.from(good)
    bytes[bytes.length - 1] = 1
    await writeFile(path, bytes)
    await expect(readWhole(path)).rejects.toMatchObject({ reason: 'FILE_CORRUPT' })
  })
})
