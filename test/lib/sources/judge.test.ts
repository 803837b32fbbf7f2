import { describe, expect, test } from '@jest/globals'
import { judgeItems, wantedOf, type Past, type Verdict } from '../../../lib/sources/judge.ts'
import { parseSource } from '../../../lib/sources/parse.ts'
import type { Found } from '../../../lib/sources/source.ts'
import { sumOf } from '../../../lib/sources/sum.ts'
import { sourceText } from '../../support/sources.ts'
import { catalogue } from '../names/world.ts'

const today = '20241101'

function found(name: string, more: Partial<Found> = {}): Found {
  return { name, version: 'v1', fields: {}, ...more }
}

function judged(
  items: readonly Found[],
  past: readonly Past[] = [],
  fields: Readonly<Record<string, string>> = {},
): readonly Verdict[] {
  return judgeItems(parseSource(sourceText(fields)), items, past, catalogue, today)
}

const fates = (verdicts: readonly Verdict[]) => verdicts.map(({ fate }) => fate)

const first = found('24.04/amd64/disk-20240601.img')
const second = found('24.04/amd64/disk-20240701.img')
const target = 'ubuntu-2404.0-std-x86'
const image = 'ubuntu-2404.0-std-x86-20240701'
const before = (item: Found, more: Partial<Past> = {}): Past => ({
  ...{ build: 'B', item: item.name, version: item.version, target, state: 'imported' },
  ...{ image, sha256: '', parts: [] },
  ...more,
})

describe('what becomes of an item', () => {
  test('the newest of each line is wanted, as what its name says', () => {
    const arm = found('24.04/arm64/disk-20240601.img')
    const verdicts = judged([first, second, arm])
    expect(fates(verdicts)).toEqual(['older', 'wanted', 'wanted'])
    expect(verdicts[1]).toMatchObject({
      target,
      day: '20240701',
      reason: 'it is the newest of its line',
    })
    expect(verdicts[2]).toMatchObject({ target: 'ubuntu-2404.0-std-aarch64' })
  })

  test('so many of each line are wanted as the source says, the oldest first', () => {
    const third = found('24.04/amd64/disk-20240801.img')
    const verdicts = judged([third, first, second], [], { newest: '2' })
    expect(fates(verdicts)).toEqual(['wanted', 'older', 'wanted'])
    expect(wantedOf(verdicts).map(({ item }) => item)).toEqual([second, third])
  })

  test.each([
    ['README', 'unfit', /does not fit/],
    ['99.99/amd64/disk-20240601.img', 'no-line', /99\.99/],
    ['24.04/s390x/disk-20240601.img', 'no-line', /s390x/],
    ['24.04/amd64/disk-latest.img', 'no-line', /"latest" is no day/],
    ['24.04/amd64/disk-20240230.img', 'no-line', /is no day/],
    ['24.04/amd64/disk-20241102.img', 'no-line', /has not come yet/],
    ['24.04-std-x86-20240101/amd64/disk-20240601.img', 'no-line', /./],
  ])('%s is %s', (name, fate, why) => {
    const [verdict] = judged([found(name)])
    expect(verdict?.fate).toBe(fate)
    expect(verdict?.reason).toMatch(why)
  })

  test('what a place says of an item leads to no other namespace', () => {
    const fields = {
      match: '"*"',
      line: '"{who}-24.04-std-x86"',
      place: '{kind: oci, url: "https://r.example", repository: a}',
    }
    for (const who of ['lab1/ubuntu', 'lab1:ubuntu', 'ubuntu-24.04-x']) {
      expect(fates(judged([found('x', { fields: { who } })], [], fields))).toEqual(['no-line'])
    }
    expect(fates(judged([found('x', { fields: { who: 'ubuntu' } })], [], fields))).toEqual([
      'wanted',
    ])
  })

  test('what its name says comes before what its place says', () => {
    const [verdict] = judged([found(first.name, { fields: { release: '22.04' } })])
    expect(verdict?.target).toBe(target)
  })

  test('what was imported is not again, what changed is', () => {
    expect(fates(judged([second], [before(second)]))).toEqual(['imported'])
    expect(fates(judged([{ ...second, version: 'v2' }], [before(second)]))).toEqual(['wanted'])
  })

  test('the same bytes under another name are imported already', () => {
    const sha256 = 'a'.repeat(64)
    const [verdict] = judged([{ ...second, sha256 }], [before(first, { sha256 })])
    expect(verdict).toMatchObject({ fate: 'imported', image })
    expect(verdict?.reason).toBe(`its bytes are those of ${first.name}, which is ${image}`)
  })

  test('what was imported as something else is of no account', () => {
    expect(fates(judged([second], [before(second, { target: 'debian-13.0-std-x86' })]))).toEqual([
      'wanted',
    ])
  })

  test('what is under way is waited for; what failed is tried again, and told', () => {
    expect(fates(judged([second], [before(second, { state: 'under-way' })]))).toEqual(['under-way'])
    const [verdict] = judged([second], [before(second, { state: 'failed', image: '' })])
    expect(verdict).toMatchObject({ fate: 'wanted', build: 'B' })
    expect(verdict?.reason).toContain('B failed')
    const both = [before(second), before(second, { state: 'failed' })]
    expect(fates(judged([second], both))).toEqual(['imported'])
  })

  describe('that has a kernel', () => {
    const fields = { kernel: '"{release}/{arch}/vmlinuz-{date}"' }
    const kernel = found('24.04/amd64/vmlinuz-20240701')
    const part = { kind: 'kernel', name: kernel.name, version: 'v1' } as const

    test('is imported with it, and the kernel is nothing by itself', () => {
      const verdicts = judged([second, kernel], [], fields)
      expect(verdicts).toMatchObject([
        { fate: 'wanted', target, parts: [{ kind: 'kernel', item: kernel }] },
        { fate: 'part', reason: `it is the kernel of ${second.name}`, parts: [] },
      ])
      expect(wantedOf(verdicts).map(({ item }) => item)).toEqual([second])
    })

    test('waits until it is there, and stands in nobody’s way meanwhile', () => {
      const verdicts = judged([first, second, found('24.04/amd64/vmlinuz-20240601')], [], fields)
      expect(fates(verdicts)).toEqual(['wanted', 'incomplete', 'part'])
      expect(verdicts[1]?.reason).toBe('nothing that is there is its kernel')
      expect(judged([kernel], [], fields)[0]?.reason).toBe(
        'it fits `kernel`, and belongs to nothing that is there',
      )
    })

    test('is imported anew when the kernel alone is another', () => {
      const past = [before(second, { parts: [part] })]
      expect(fates(judged([second, kernel], past, fields))).toEqual(['imported', 'part'])
      const newer = { ...kernel, version: 'v2' }
      expect(fates(judged([second, newer], past, fields))).toEqual(['wanted', 'part'])
      expect(fates(judged([second, kernel], [before(second)], fields))).toEqual(['wanted', 'part'])
      expect(fates(judged([second], past))).toEqual(['wanted'])
    })

    test('is known by the bytes of both', () => {
      const [disk, boot] = ['a', 'b'].map((digit) => digit.repeat(64))
      const items = [
        { ...second, version: 'v2', sha256: disk ?? '' },
        { ...kernel, version: 'v2', sha256: boot ?? '' },
      ]
      const sha256 = sumOf(disk ?? '', [{ kind: 'kernel', sha256: boot ?? '' }])
      const past = before(first, { parts: [part], sha256 })
      expect(fates(judged(items, [past], fields))).toEqual(['imported', 'part'])
      const alone = before(first, { sha256: disk ?? '' })
      expect(fates(judged(items, [alone], fields))).toEqual(['wanted', 'part'])
    })

    test('is refused if the agent refuses it, and of no line if it is of none', () => {
      const odd = found('99.99/amd64/disk-20240601.img')
      const verdicts = judged([{ ...second, refused: 'it leads out' }, odd, kernel], [], fields)
      expect(fates(verdicts)).toEqual(['refused', 'no-line', 'part'])
    })
  })

  test('what the agent refuses is in nobody’s way', () => {
    const verdicts = judged([first, { ...second, refused: 'it leads out' }])
    expect(verdicts.map(({ fate, reason }) => [fate, reason])).toEqual([
      ['wanted', 'it is the newest of its line'],
      ['refused', 'it leads out'],
    ])
  })

  test('a serial of the place says what is newer, and is no part of the day', () => {
    const verdicts = judged([
      found('24.04/amd64/disk-20240601.9.img'),
      found('24.04/amd64/disk-20240601.10.img'),
    ])
    expect(fates(verdicts)).toEqual(['older', 'wanted'])
    expect(verdicts[1]?.day).toBe('20240601')
  })

  test('without a day the time says what is newer, or else the name, or what the source says', () => {
    const fields = { match: '"{release}-{tag}"', line: 'ubuntu-{release}-std-x86' }
    const old = found('24.04-b', { time: new Date('2024-01-01') })
    const young = found('24.04-a', { time: new Date('2024-02-01') })
    expect(fates(judged([old, young], [], fields))).toEqual(['older', 'wanted'])
    expect(fates(judged([found('24.04-b'), found('24.04-a')], [], fields))).toEqual([
      'wanted',
      'older',
    ])
    expect(fates(judged([old, young], [], { ...fields, order: '"{tag}"' }))).toEqual([
      'wanted',
      'older',
    ])
    expect(judged([old], [], fields)[0]?.day).toBe('')
  })
})
