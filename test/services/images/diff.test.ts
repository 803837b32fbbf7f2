import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ChunkSum, DiffImagesResponse } from '../../../proto/gen/merge/image/v1/image.ts'
import type { Package } from '../../../proto/gen/merge/image/v1/upload.ts'
import { makeFacilities, register } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const mebibyte = 1024 * 1024
const none: ChunkSum = { chunks: 0n, rawBytes: 0n, storedBytes: 0n, unsizedChunks: 0n }

const packages = (versions: Readonly<Record<string, string>>): Package[] =>
  Object.entries(versions).map(([name, version]) => ({ name, version }))

describe('the difference of two images', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let older: string
  let newer: string
  let other: string
  const base = randomBytes(2 * mebibyte)

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    producer = portal.as('producer')
    const grown = Buffer.concat([base, base.subarray(0, 300_000), randomBytes(500_000)])
    const before = packages({ Zlib: '1.3', bash: '5.2', curl: '8.1', 'libc6:i386': '2.41' })
    const after = packages({ Zlib: '1.4', bash: '5.2', wget: '1.25', 'libc6:i386': '2.41' })
    older = await publish(producer, 'debian-13', base, true, before)
    newer = await publish(producer, 'debian-13', grown, true, after)
    other = await publish(producer, 'fedora-43', randomBytes(mebibyte))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const diff = (from: string, to: string) =>
    portal.as('experimenter').images.diffImages({ from, to })

  const sums = ({ shared, added, removed }: DiffImagesResponse) => ({ shared, added, removed })

  /** The chunks of an image as a whole. */
  function whole({ from, to }: DiffImagesResponse, which: 'from' | 'to'): ChunkSum {
    const image = which === 'from' ? from : to
    return {
      chunks: BigInt(image?.chunkCount ?? 0),
      rawBytes: image?.chunkBytes ?? 0n,
      storedBytes: image?.storedBytes ?? 0n,
      unsizedChunks: 0n,
    }
  }

  function joined(...parts: (ChunkSum | undefined)[]): ChunkSum {
    return parts.reduce<ChunkSum>(
      (sum, part = none) => ({
        chunks: sum.chunks + part.chunks,
        rawBytes: sum.rawBytes + part.rawBytes,
        storedBytes: sum.storedBytes + part.storedBytes,
        unsizedChunks: sum.unsizedChunks + part.unsizedChunks,
      }),
      none,
    )
  }

  test('is what is shared, added and removed, each chunk once', async () => {
    const answer = await diff(older, newer)
    expect(answer).toMatchObject({ from: { name: older }, to: { name: newer } })
    const { shared, added, removed } = answer
    expect(joined(shared, removed)).toEqual(whole(answer, 'from'))
    expect(joined(shared, added)).toEqual(whole(answer, 'to'))
    expect(Number(shared?.rawBytes)).toBeGreaterThan(1.5 * mebibyte)
    // What was there twice is counted once: the copy of the beginning adds next to nothing.
    expect(Number(added?.rawBytes)).toBeGreaterThan(500_000)
    expect(Number(added?.rawBytes)).toBeLessThan(500_000 + 3 * 256 * 1024)
  })

  test('is the other way round from the newer to the older', async () => {
    const [there, back] = [await diff(older, newer), await diff(newer, older)]
    expect(sums(back)).toEqual({ shared: there.shared, added: there.removed, removed: there.added })
  })

  test('of an image with itself is nothing', async () => {
    const answer = await diff(older, older)
    expect(sums(answer)).toEqual({ shared: whole(answer, 'to'), added: none, removed: none })
    expect(answer).toMatchObject({ packagesKnown: true, packages: [] })
  })

  test('of images that have nothing in common is all of both', async () => {
    const answer = await diff(other, older)
    const [from, to] = [whole(answer, 'from'), whole(answer, 'to')]
    expect(sums(answer)).toEqual({ shared: none, added: to, removed: from })
  })

  describe('where the bytes of one are at a facility', () => {
    let custom: string
    let portals: string
    let agent: Clients

    beforeAll(async () => {
      await makeFacilities(portal.as('admin'), 'lab1')
      agent = portal.as('agent:lab1')
      const grown = Buffer.concat([base, randomBytes(500_000)])
      custom = await register(agent, 'lab1/debian-13-tools', grown)
      portals = older
    })

    const compare = (from: string, to: string) => agent.images.diffImages({ from, to })

    test('counts its chunks by its manifest, and says how many have no size here', async () => {
      const { shared, added, removed, to } = await compare(portals, custom)
      const there = joined(shared, added)
      expect(there).toMatchObject({
        chunks: BigInt(to?.chunkCount ?? 0),
        rawBytes: to?.chunkBytes,
      })
      // What both have is stored at the portal too.
      expect(shared).toMatchObject({ unsizedChunks: 0n })
      expect(Number(shared?.rawBytes)).toBeGreaterThan(1.5 * mebibyte)
      expect(Number(shared?.storedBytes)).toBeGreaterThan(1.5 * mebibyte)
      expect(added).toMatchObject({ storedBytes: 0n, unsizedChunks: added?.chunks })
      expect(Number(added?.rawBytes)).toBeGreaterThan(500_000)
      const back = await compare(custom, portals)
      expect(sums(back)).toEqual({ shared, added: removed, removed: added })
    })

    test('is nothing between that image and itself', async () => {
      const { shared, added, removed, to } = await compare(custom, custom)
      expect({ added, removed }).toEqual({ added: none, removed: none })
      expect(shared).toMatchObject({
        chunks: BigInt(to?.chunkCount ?? 0),
        rawBytes: to?.chunkBytes,
      })
    })
  })

  test('counts the chunks of an image that has expired', async () => {
    const gone = await publish(producer, 'debian-12', Buffer.concat([base, randomBytes(400_000)]))
    const before = await diff(older, gone)
    await portal.sql`
      delete from manifest_chunk using image where image.manifest = manifest_chunk.manifest and name = ${gone}`
    expect(sums(await diff(older, gone))).toEqual(sums(before))
  })

  test('names the packages that differ', async () => {
    const { packagesKnown, packages } = await diff(older, newer)
    expect(packagesKnown).toBe(true)
    expect(packages).toEqual([
      { package: 'Zlib', fromVersion: '1.3', toVersion: '1.4' },
      { package: 'curl', fromVersion: '8.1', toVersion: '' },
      { package: 'wget', fromVersion: '', toVersion: '1.25' },
    ])
  })

  test('says so where one has no list of packages', async () => {
    expect(await diff(older, other)).toMatchObject({ packagesKnown: false, packages: [] })
    expect(await diff(other, older)).toMatchObject({ packagesKnown: false, packages: [] })
  })

  test('needs two exact names of images that are there', async () => {
    const absent = 'debian-13.0-std-x86-20200101'
    await expect(diff(older, absent)).rejects.toMatchObject({
      reason: 'NOT_FOUND',
      facts: { name: absent },
    })
    await expect(diff('debian', older)).rejects.toMatchObject({ reason: 'INVALID_NAME' })
  })
})
