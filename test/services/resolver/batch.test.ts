import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import {
  ResolveImageRequest,
  ResolveRule,
  type BatchResolveImagesResult,
} from '../../../proto/gen/merge/image/v1/resolver.ts'
import { publish } from '../../support/images.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
let producer: Clients
let debian = ''
const data = randomBytes(1000)

beforeAll(async () => {
  portal = await freshPortal()
  producer = portal.as('producer')
  await makeFacilities(portal.as('admin'), 'lab1')
  debian = await publish(producer, 'debian-13', data)
})

afterAll(() => portal[Symbol.asyncDispose]())

const batch = (...asks: Partial<ResolveImageRequest>[]) =>
  producer.resolver.batchResolveImages({
    requests: asks.map((ask) => ResolveImageRequest.create(ask)),
  })

/** The exact name, or the reason why there is none. */
function meant({ result }: BatchResolveImagesResult): string | undefined {
  return result?.$case === 'answer' ? result.value.image?.name : result?.value.reason
}

describe('a batch', () => {
  test('answers each in the order asked; one that fails does not fail the others', async () => {
    const { results } = await batch(
      { reference: 'debian-13' },
      { reference: 'debain-13' },
      { reference: debian, arch: 'vax' },
      { reference: 'trixie', facility: 'lab1' },
      { reference: 'trixie', facility: 'lab9' },
      { reference: debian, asOf: new Date(0) },
      { reference: debian },
    )
    expect(results.map(meant)).toEqual([
      debian,
      'UNKNOWN_DISTRO',
      'INVALID_FIELD',
      debian,
      'FACILITY_NOT_FOUND',
      'NOT_FOUND',
      debian,
    ])
    expect(results[1]?.result).toMatchObject({
      $case: 'failure',
      value: {
        message: expect.stringContaining('did you mean `debian`?'),
        metadata: { nearest: expect.stringContaining('debian') },
      },
    })
  })

  test('says of each the same as a call for it alone', async () => {
    const asks = [
      { reference: 'debian', explain: true },
      { reference: debian, facility: 'lab1' },
    ]
    const { results } = await batch(...asks)
    const alone = asks.map((ask) => producer.resolver.resolveImage(ResolveImageRequest.create(ask)))
    expect(results.map(({ result }) => result?.value)).toEqual(await Promise.all(alone))
  })

  test('is of one generation, while aliases move', async () => {
    const other = await publish(producer, 'debian-13', data)
    const move = (image: string) =>
      producer.aliases.setAlias(
        SetAliasRequest.create({ requestId: randomUUID(), alias: 'moving', image }),
      )
    await move(debian)
    let over = false as boolean
    const mover = (async () => {
      for (let i = 0; !over; i++) await move(i % 2 === 0 ? other : debian)
    })()
    const asks = Array.from({ length: 300 }, () => ({ reference: 'moving' }))
    const seen = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) {
      const { results, generation } = await batch(...asks)
      const names = new Set(results.map(meant))
      expect(names.size).toBe(1)
      for (const name of names) seen.add(name)
      const generations = results.map(({ result }) =>
        result?.$case === 'answer' ? result.value.generation : undefined,
      )
      expect(new Set(generations)).toEqual(new Set([generation]))
    }
    over = true
    await mover
    expect(seen.size).toBe(2)
  })

  test('may be empty, or of a thousand, and no more', async () => {
    expect((await batch()).results).toEqual([])
    const thousand = Array.from({ length: 1000 }, () => ({ reference: 'debian', explain: true }))
    const { results } = await batch(...thousand)
    expect(new Set(results.map(meant)).size).toBe(1)
    await expect(batch(...thousand, { reference: 'debian' })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'requests' },
    })
  })

  test('is about ten times at most', async () => {
    const asks = Array.from({ length: 11 }, (_, i) => ({ reference: debian, asOf: new Date(i) }))
    expect((await batch(...asks.slice(1))).results).toHaveLength(10)
    await expect(batch(...asks)).rejects.toMatchObject({ facts: { field: 'as_of' } })
  })
})

describe('parsing', () => {
  const parse = (reference: string) => producer.resolver.parseReference({ reference })

  test('tells how a reference is read, whether there is such an image or not', async () => {
    expect(await parse('ubnt-2404.4-x64-20200101')).toMatchObject({
      rule: ResolveRule.RESOLVE_RULE_PARTIAL,
      ...{ distro: 'ubuntu', release: '2404', point: 4, role: '', arch: 'x86', build: '20200101' },
    })
    expect(await parse('kali-2020.1-std-x86-20200101')).toMatchObject({
      rule: ResolveRule.RESOLVE_RULE_EXACT,
    })
  })

  test('knows the aliases and roles that there are now', async () => {
    await expect(parse('fresh')).rejects.toMatchObject({ reason: 'UNKNOWN_DISTRO' })
    await producer.aliases.setAlias(
      SetAliasRequest.create({ requestId: randomUUID(), alias: 'fresh', image: debian }),
    )
    expect(await parse('fresh')).toMatchObject({
      rule: ResolveRule.RESOLVE_RULE_ALIAS,
      alias: 'fresh',
    })
    await expect(parse('lab1/debian-13-tools')).rejects.toMatchObject({ reason: 'UNKNOWN_TOKEN' })
    await publish(portal.as('manager:lab1'), 'lab1/debian-13-tools', data)
    expect(await parse('lab1/debian-13-tools')).toMatchObject({ namespace: 'lab1', role: 'tools' })
  })

  test('gives the errors of the grammar', async () => {
    await expect(parse('')).rejects.toMatchObject({ reason: 'EMPTY' })
    await expect(parse('debian-13-x86-arm64')).rejects.toMatchObject({ reason: 'DUPLICATE_FIELD' })
  })
})
