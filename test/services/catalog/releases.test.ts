import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { publish } from '../../support/images.ts'
import { freshCatalogue, type Editing } from './editing.ts'

let at: Editing

beforeAll(async () => {
  at = await freshCatalogue()
})

afterAll(() => at.portal[Symbol.asyncDispose]())

describe('a release', () => {
  test('that is added is the newest, and found at once', async () => {
    const before = await publish(at.portal.as('producer'), 'fedora-44', randomBytes(1000))
    expect((await at.resolve('fedora'))?.name).toBe(before)
    const added = { release: '46', officialName: '46', codename: 'fortysix' }
    const { distro: made, generation } = await at.putRelease('fdra', added)
    expect(made?.releases.at(-1)).toMatchObject(added)
    expect(generation).toBe((await at.admin.catalog.listDistros({})).generation)
    const name = await publish(at.portal.as('producer'), 'fortysix', randomBytes(1000))
    expect(name).toMatch(/^fedora-46\.0-std-x86-/)
    for (const reference of ['fedora', '46', 'fedora46', 'fortysix']) {
      expect((await at.resolve(reference))?.name).toBe(name)
    }
  })

  test('may come between two others, and move', async () => {
    const before = await at.order('debian')
    await at.putRelease('debian', { release: '125', officialName: '12.5x' }, { after: 'bookworm' })
    const place = before.indexOf('12') + 1
    expect(await at.order('debian')).toEqual(before.toSpliced(place, 0, '125'))
    await at.putRelease('debian', { release: '125', officialName: '12.5x' }, { after: '10' })
    expect(await at.order('debian')).toEqual(before.toSpliced(1, 0, '125'))
    await at.putRelease('debian', { release: '125', officialName: '12.5y' })
    expect(await at.order('debian')).toEqual(before.toSpliced(1, 0, '125'))
    await at.putRelease('debian', { release: '125', officialName: '12.5y' }, { after: '14' })
    expect(await at.order('debian')).toEqual([...before, '125'])
  })

  test('may come before all others, new or known', async () => {
    const before = await at.order('alma')
    await at.putRelease('alma', { release: '7' }, { first: true })
    expect(await at.order('alma')).toEqual(['7', ...before])
    await at.putRelease('alma', { release: '10' }, { first: true })
    expect((await at.order('alma')).slice(0, 2)).toEqual(['10', '7'])
    const both = at.putRelease('alma', { release: '6' }, { first: true, after: '7' })
    await expect(both).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
  })

  test('decides by its place what is newest', async () => {
    const producer = at.portal.as('producer')
    await at.putRelease('tumbleweed', { release: '9' })
    const nine = await publish(producer, 'tumbleweed-9', randomBytes(1000))
    await publish(producer, 'tumbleweed-2026', randomBytes(1000))
    expect((await at.resolve('tumbleweed'))?.name).toBe(nine)
    await at.putRelease('tumbleweed', { release: '9' }, { after: '2025' })
    expect((await at.resolve('tumbleweed'))?.name).toMatch(/^tumbleweed-2026/)
  })

  test('is said whole: what is empty becomes empty', async () => {
    const fields = { release: '2025', officialName: '2025', endOfLife: '2026-01-31' }
    await at.putRelease('arch', { ...fields, displayName: 'The Year', lts: true, prerelease: true })
    await at.putRelease('arch', fields)
    expect(await at.release('arch', '2025')).toMatchObject({
      ...{
        displayName: '',
        lts: false,
        prerelease: false,
        releaseDate: '',
        endOfLife: '2026-01-31',
      },
    })
  })

  test('that becomes a pre-release is used only where it is named', async () => {
    const name = await publish(at.portal.as('producer'), 'alpine-3.23', randomBytes(1000))
    expect((await at.resolve('alpine'))?.name).toBe(name)
    const fields = { ...(await at.release('alpine', '323')), prerelease: true }
    await at.putRelease('alpine', fields)
    await expect(at.resolve('alpine')).rejects.toMatchObject({ reason: 'NO_MATCH' })
    expect((await at.resolve('alpine-3.23'))?.name).toBe(name)
  })

  test('is changed only as it was read, if its etag says so', async () => {
    const { etag } = await at.release('opensuse', '161')
    const fields = { release: '161', officialName: '16.1' }
    await at.putRelease('opensuse', { ...fields, prerelease: false }, { etag })
    const told = { kind: 'conflict', reason: 'ETAG_MISMATCH' }
    await expect(at.putRelease('opensuse', fields, { etag })).rejects.toMatchObject(told)
    const absent = { release: '170', officialName: '17.0' }
    await expect(at.putRelease('opensuse', absent, { etag })).rejects.toMatchObject(told)
  })

  test.each([
    ['gentto', { release: '1' }, {}, 'UNKNOWN_DISTRO', '"gentto"'],
    ['debian', { release: '99' }, { after: '98' }, 'UNKNOWN_RELEASE', 'known are 10, 11, 12, 13'],
    ['debian', { release: '99' }, { after: '99' }, 'UNKNOWN_RELEASE', '"99"'],
    ['debian', { release: '13' }, { after: 'trixie' }, 'INVALID_FIELD', 'cannot come after itself'],
    ['debian', { release: 'sid' }, {}, 'INVALID_FIELD', 'digits and nothing else'],
    ['debian', { release: '99', endOfLife: '2027-02-29' }, {}, 'INVALID_DATE', 'no day'],
    [
      'debian',
      { release: '99', codename: 'noble' },
      {},
      'INVALID_FIELD',
      'is Ubuntu 24.04 already',
    ],
  ])('of %s, %j %j, is refused as %s', async (of, fields, more, reason, message) => {
    await expect(at.putRelease(of, fields, more)).rejects.toMatchObject({
      ...{ reason, message: expect.stringContaining(message) },
    })
  })

  test('has to be in the request', async () => {
    const call = at.putRelease('debian', {}, { release: undefined })
    await expect(call).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'release' },
    })
  })
})
