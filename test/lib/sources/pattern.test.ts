import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../lib/failure.ts'
import {
  expand,
  match,
  readPattern,
  readTemplate,
  type Pattern,
} from '../../../lib/sources/pattern.ts'

function pattern(text: string): Pattern {
  const read = readPattern(text)
  if (typeof read === 'string') throw new Error(read)
  return read
}

describe('a pattern', () => {
  test.each([
    [
      '{release}/disk-{date}.img',
      '24.04/disk-20240601.img',
      { release: '24.04', date: '20240601' },
    ],
    [
      'com.ubuntu.cloud:server:{release}:{arch}/{date}/disk1.img',
      'com.ubuntu.cloud:server:24.04:amd64/20240601/disk1.img',
      { release: '24.04', arch: 'amd64', date: '20240601' },
    ],
    ['{date}.img', '20240601.img.img', { date: '20240601.img' }],
    ['{name}-{date}.img', 'ubuntu-server-2024.img', { name: 'ubuntu', date: 'server-2024' }],
    ['disk-*.img', 'disk-.img', {}],
    ['disk-*.img', 'disk-a/b.img', undefined],
    ['{a}/x', '/x', undefined],
    ['disk.img', 'disk.img', {}],
    ['disk.img', 'disk.img.gz', undefined],
    ['{toString}', 'x', undefined],
  ])('%s reads from %s: %j', (text, name, taken) => {
    const read = readPattern(text)
    expect(typeof read === 'string' ? undefined : match(read, name)).toEqual(taken)
  })

  test.each([
    ['{a}{b}', /between two fields/],
    ['{a}*', /between two fields/],
    ['{a}-{a}', /has \{a\} twice/],
    ['{A}', /no field/],
    ['{a', /no field/],
    ['a}', /no field/],
    ['{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}-{i}', /9 fields and stars, and may have 8/],
  ])('%s is refused', (text, why) => {
    expect(readPattern(text)).toMatch(why)
  })

  test('gives up on a name that was made to take long', () => {
    const hard = pattern('{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}!')
    const began = performance.now()
    expect(() => match(hard, '-'.repeat(500))).toThrow(Failure)
    expect(performance.now() - began).toBeLessThan(200)
  })
})

describe('a template', () => {
  test('has its fields filled in, or says which one nobody gives', () => {
    const line = readTemplate('ubuntu-{release}-std-{arch}') as Pattern
    expect(expand(line, { release: '24.04', arch: 'amd64' })).toEqual({
      text: 'ubuntu-24.04-std-amd64',
    })
    expect(expand(line, { release: '24.04' })).toEqual({ absent: 'arch' })
    expect(expand(readTemplate('{constructor}') as Pattern, {})).toEqual({ absent: 'constructor' })
  })

  test('has no stars', () => {
    expect(readTemplate('ubuntu-*')).toMatch(/has a star/)
  })
})
