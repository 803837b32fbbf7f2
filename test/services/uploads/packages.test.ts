import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { encodeManifest } from '../../../lib/content/encoding.ts'
import type { Package } from '../../../proto/gen/merge/image/v1/upload.ts'
import { commitMessages, manifestOf, publish, storeMessages } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('the packages of an image', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  const data = randomBytes(1000)

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const kept = (image: string) =>
    portal.sql<Package[]>`
      select name, version from image_package where image = ${image} order by name collate "C"`

  const images = async () => (await portal.sql`select name from image`).length

  const named = (name: string): Package => ({ name, version: '1' })

  test('are kept with it', async () => {
    const packages = [
      { name: 'a"b\\c{d}', version: '1:2.0~rc1+dfsg-1ubuntu2' },
      { name: 'kernel', version: '6.12.1-1,6.12.9-2' },
      { name: 'libc6:i386', version: '2.41-12' },
    ]
    const name = await publish(producer, 'debian-13', data, true, packages)
    expect([...(await kept(name))]).toEqual(packages)
  })

  test('need not be given', async () => {
    expect(await kept(await publish(producer, 'debian-12', data))).toHaveLength(0)
  })

  test('can be 50,000, which fit in a message', async () => {
    const many = Array.from({ length: 50_000 }, (_, i) => ({
      name: `librust-some-quite-long-name-${i}-dev`,
      version: `1:20.26.${i}-1+b1~deb13u2`,
    }))
    const name = await publish(producer, 'debian-11', data, true, many)
    expect(await kept(name)).toHaveLength(50_000)
  })

  test.each<[string, Package[], RegExp]>([
    [
      'have a name twice',
      [named('a'), named('b'), named('a')],
      /^The package a is in the list twice/,
    ],
    ['have an empty name', [named('a'), named('')], /^Package 2 of the list has no proper name/],
    ['have a name too long', [named('x'.repeat(256))], /^Package 1 of the list/],
    ['have a name of two lines', [named('a\nb')], /^Package 1 of the list/],
    ['have no version', [{ name: 'a', version: '' }], /^The package a has no proper version/],
    ['have a zero in the version', [{ name: 'a', version: '1\u00002' }], /^The package a has no/],
    [
      'are too many',
      Array.from({ length: 50_001 }, (_, i) => named(`p${i}`)),
      /50000 packages at most/,
    ],
  ])('that %s are refused, and nothing is published', async (_, packages, message) => {
    const before = await images()
    await expect(publish(producer, 'debian-13', data, true, packages)).rejects.toMatchObject({
      kind: 'invalid',
      reason: 'INVALID_FIELD',
      message: expect.stringMatching(message),
      facts: { field: 'packages' },
    })
    expect(await images()).toBe(before)
  })

  test('are part of what a request id stands for', async () => {
    const { uploads, chunks } = producer
    const begin = {
      requestId: randomUUID(),
      target: 'kali-2026',
      notes: '',
      labels: {},
      custom: undefined,
    }
    const uploadId = (await uploads.beginUpload(begin)).upload?.id ?? ''
    await chunks.storeChunks(storeMessages(uploadId, data))
    const manifest = encodeManifest(manifestOf(data))
    const requestId = randomUUID()
    const commit = (...packages: Package[]) =>
      uploads.commitUpload(commitMessages(uploadId, manifest, requestId, true, packages))
    const first = await commit(named('a'))
    expect(await commit(named('a'))).toEqual(first)
    await expect(commit(named('b'))).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' })
  })
})
