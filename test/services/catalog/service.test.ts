import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { WatchDesiredStateResponse } from '../../../proto/gen/merge/image/v1/agent.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshCatalogue, type Editing } from './editing.ts'

let at: Editing

beforeAll(async () => {
  at = await freshCatalogue()
})

afterAll(() => at.portal[Symbol.asyncDispose]())

describe('the catalogue', () => {
  test('is of one generation, with distros by id, roles and the default architecture', async () => {
    const { distros, roles, defaultArch, generation } = await at.admin.catalog.listDistros({})
    expect(distros.map(({ id }) => id)).toEqual(distros.map(({ id }) => id).sort())
    expect(roles).toEqual(['hypervisor', 'portalvte', 'std', 'vte'])
    expect(defaultArch).toBe('x86')
    expect(generation).toBeGreaterThan(0n)
  })

  test.each(['ubuntu', 'ubnt', 'UBUNTU'])('knows a distro as %s', async (word) => {
    expect(await at.distro(word)).toMatchObject({
      id: 'ubuntu',
      displayName: 'Ubuntu',
      shortNames: ['ubnt'],
      etag: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
  })

  test('knows a release whole', async () => {
    expect(await at.release('ubuntu', '2404')).toEqual({
      release: '2404',
      officialName: '24.04',
      codename: 'noble',
      displayName: 'Noble Numbat',
      lts: true,
      prerelease: false,
      releaseDate: '2024-04-25',
      endOfLife: '2029-05-31',
      etag: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
  })

  test.each([
    ['ubunto', 'No distro is called "ubunto"; did you mean `ubuntu`?'],
    ['noble', 'No distro is called "noble"; it is a release of `ubuntu`'],
  ])('says of %s what was likely meant', async (word, message) => {
    await expect(at.distro(word)).rejects.toMatchObject({
      ...{ kind: 'invalid', reason: 'UNKNOWN_DISTRO', message },
      facts: { nearest: expect.stringContaining('ubuntu') },
    })
  })
})

describe('a distro', () => {
  test('is added with its words, which references then know at once', async () => {
    const { distro: made, generation } = await at.putDistro({
      ...{ id: 'gentoo', shortNames: ['gnto'], displayName: 'Gentoo' },
    })
    expect(made).toMatchObject({ id: 'gentoo', shortNames: ['gnto'], releases: [] })
    expect(generation).toBe((await at.admin.catalog.listDistros({})).generation)
    await expect(at.resolve('gnto')).rejects.toMatchObject({ reason: 'NO_MATCH' })
    await expect(at.resolve('gnto-5')).rejects.toMatchObject({
      message: 'Gentoo has no release "5"; it has none yet',
    })
  })

  test('changes its words and keeps its releases', async () => {
    const { releases } = await at.distro('kali')
    await at.putDistro({ id: 'kali', shortNames: ['kalilinux'], displayName: 'Kali Linux' })
    expect(await at.distro('kalilinux')).toMatchObject({ displayName: 'Kali Linux', releases })
    await at.putDistro({ id: 'kali', shortNames: [], displayName: 'Kali' })
    await expect(at.distro('kalilinux')).rejects.toMatchObject({ reason: 'UNKNOWN_DISTRO' })
  })

  test('is changed only as it was read, if its etag says so', async () => {
    const { etag } = await at.distro('alma')
    const words = { id: 'alma', shortNames: ['almalinux'], displayName: 'AlmaLinux OS' }
    await at.putDistro(words, { etag })
    const told = { kind: 'conflict', reason: 'ETAG_MISMATCH' }
    await expect(at.putDistro(words, { etag })).rejects.toMatchObject(told)
    const absent = { id: 'nixos', displayName: 'NixOS' }
    await expect(at.putDistro(absent, { etag })).rejects.toMatchObject(told)
    await expect(at.distro('nixos')).rejects.toMatchObject({ reason: 'UNKNOWN_DISTRO' })
  })

  test('has the same etag as long as it has the same words', async () => {
    const { etag } = await at.distro('rocky')
    await at.putRelease('rocky', { release: '11' })
    expect((await at.distro('rocky')).etag).toBe(etag)
  })

  test('is not taken with a word that is another’s', async () => {
    const call = at.putDistro({ id: 'alinux', shortNames: ['noble'], displayName: 'A' })
    await expect(call).rejects.toMatchObject({
      ...{ kind: 'invalid', reason: 'INVALID_FIELD', facts: { field: 'short_names' } },
      message: '"noble" is Ubuntu 24.04 already: choose another word',
    })
  })

  test('has to be in the request', async () => {
    const call = at.putDistro({}, { distro: undefined })
    await expect(call).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'distro' },
    })
  })
})

describe('a role', () => {
  test('is added once, and references know it at once', async () => {
    await expect(at.resolve('fedora-44-desktop')).rejects.toMatchObject({ reason: 'UNKNOWN_TOKEN' })
    const { roles } = await at.putRole('desktop')
    expect(roles).toEqual(['desktop', 'hypervisor', 'portalvte', 'std', 'vte'])
    await expect(at.resolve('fedora-44-desktop')).rejects.toMatchObject({ reason: 'NO_MATCH' })
    expect((await at.putRole('desktop')).roles).toEqual(roles)
  })

  test.each(['arm64', 'ubnt', 'trixie', 'fedora43', 'Std', 'my-role', ''])(
    'cannot be %j',
    async (role) => {
      await expect(at.putRole(role)).rejects.toMatchObject({
        ...{ kind: 'invalid', reason: 'INVALID_FIELD', facts: { field: 'role' } },
      })
    },
  )
})

describe('a change', () => {
  test('that is sent twice takes effect once and answers the same', async () => {
    const requestId = randomUUID()
    const words = { id: 'void', displayName: 'Void' }
    const first = await at.putDistro(words, { requestId })
    await at.putRole('router')
    expect(await at.putDistro(words, { requestId })).toEqual(first)
    const other = { id: 'void', displayName: 'Void Linux' }
    await expect(at.putDistro(other, { requestId })).rejects.toMatchObject({
      reason: 'REQUEST_ID_REUSED',
    })
  })

  test('makes a generation of the catalogue, one for each', async () => {
    const { generation } = await at.putRole('printer')
    const next = await at.putRole('printer')
    expect(next.generation).toBe(generation + 1n)
    const [names] = await at.portal.sql`select generation, catalogue_generation from names`
    expect(names?.['catalogueGeneration']).toBe(next.generation)
  })

  test('is told to the agents', async () => {
    await makeFacilities(at.admin, 'lab1')
    const watched = at.portal.as('agent:lab1').agents.watchDesiredState({ facility: 'lab1' })
    const states = watched[Symbol.asyncIterator]()
    await states.next()
    await at.putRole('camera')
    const { value } = (await states.next()) as { value: WatchDesiredStateResponse }
    expect(value.catalogue?.roles).toContain('camera')
    await states.return?.()
    // Without being told, they would look again after 15 seconds.
  }, 5_000)

  test('at the same time as others: one word goes to one distro, each order has no gap', async () => {
    const tries = Array.from({ length: 8 }, (_, i) =>
      at.putDistro({
        id: `same${String.fromCharCode(97 + i)}`,
        shortNames: ['same'],
        displayName: 'S',
      }),
    )
    const ended = await Promise.allSettled(tries)
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const digits = Array.from({ length: 8 }, (_, i) => `30${i}`)
    await Promise.all(digits.map((one) => at.putRelease('gentoo', { release: one })))
    expect((await at.order('gentoo')).toSorted()).toEqual(digits)
    const rows = await at.portal.sql`
      select position from release where distro = 'gentoo' order by position`
    expect(rows.map((row) => Number(row['position']))).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})
