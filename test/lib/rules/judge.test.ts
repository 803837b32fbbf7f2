import { describe, expect, test } from '@jest/globals'
import { parsePattern } from '../../../lib/names/pattern.ts'
import { parseSelector } from '../../../lib/labels.ts'
import { judge, placedAmong, type Facts, type Selection } from '../../../lib/rules/judge.ts'

const nothing: Selection = {
  patterns: [],
  newest: 0,
  aliases: [],
  held: false,
  labels: [],
  origin: '',
}
const std: Selection = { ...nothing, patterns: [parsePattern('debian-*-std-x86')], newest: 2 }
const image: Facts = {
  line: { namespace: '', distro: 'debian', release: '13', role: 'std', arch: 'x86' },
  ...{ usable: true, heldBack: false, home: null, place: 1, aliases: [], held: false },
  labels: { team: 'net' },
}

describe('a rule selects', () => {
  test.each<[string, Selection, Partial<Facts>, string]>([
    ['the newest of its lines', std, {}, 'the newest of its line'],
    ['as many of them as it says', std, { place: 2 }, 'number 2 of the newest 2 of its line'],
    [
      'what one of its aliases points to',
      { ...nothing, aliases: ['debian'] },
      { place: 7, aliases: ['stable', 'debian'] },
      'the alias debian points to it',
    ],
    [
      'what any alias points to',
      { ...nothing, aliases: ['*'] },
      { place: 7, aliases: ['stable'] },
      'the alias stable points to it',
    ],
    [
      'what is held',
      { ...std, held: true },
      { place: 9, held: true },
      'something that runs or is kept holds it',
    ],
    [
      'what is at its origin, the portal',
      { ...std, origin: 'portal' },
      {},
      'the newest of its line',
    ],
    [
      'what is at its origin, a facility',
      { ...std, origin: 'lab2' },
      { home: 'lab2' },
      'the newest of its line',
    ],
  ])('%s', (_, selection, facts, why) => {
    expect(judge(selection, { ...image, ...facts })).toEqual({ selected: true, why })
  })
})

test('the newest of those with a label are counted without the others', () => {
  const line = { ...image.line, role: 'hypervisor' }
  const all: Facts[] = [
    { ...image, place: 1, labels: {} },
    { ...image, place: 4 },
    { ...image, place: 2 },
    { ...image, place: null, heldBack: true },
    { ...image, place: 3, line },
  ]
  const placed = placedAmong(all, [parseSelector('team=net')])
  expect(placed.map(({ place, line: { role } }) => [role, place])).toEqual([
    ...[
      ['std', 2],
      ['std', 1],
      ['std', null],
    ],
    ['hypervisor', 1],
  ])
})

describe('a rule does not select, and says why', () => {
  test.each<[string, Selection, Partial<Facts>, string]>([
    [
      'other lines',
      std,
      { line: { ...image.line, role: 'hypervisor' } },
      'its line is none of the rule',
    ],
    [
      'what cannot be fetched',
      std,
      { usable: false },
      'only what is released, is there and may be fetched is selected',
    ],
    [
      'what has other labels',
      { ...std, labels: [parseSelector('team'), parseSelector('!old'), parseSelector('team=os')] },
      {},
      'its labels do not fit team=os',
    ],
    ['older ones', std, { place: 3 }, 'it is number 3, not among the newest 2 of its line'],
    [
      'what has no place',
      { ...std, newest: 1 },
      { place: null },
      'it is not among the newest of its line',
    ],
    [
      'what nothing points to or holds',
      { ...std, aliases: ['debian'], held: true },
      { place: 3, aliases: ['stable'] },
      'it is number 3, not among the newest 2 of its line, and none of the aliases points to it, and nothing holds it that runs or is kept',
    ],
    [
      'what is somewhere else',
      { ...std, origin: 'portal' },
      { home: 'lab2' },
      'its bytes are at lab2, and the rule takes what is at the portal',
    ],
    [
      'what is at the portal and not at the facility',
      { ...std, origin: 'lab2' },
      {},
      'its bytes are at the portal, and the rule takes what is at lab2',
    ],
    [
      'what an alias points to in other lines',
      { ...std, aliases: ['*'] },
      { aliases: ['a'], line: { ...image.line, arch: 'aarch64' } },
      'its line is none of the rule',
    ],
  ])('%s', (_, selection, facts, why) => {
    expect(judge(selection, { ...image, ...facts })).toEqual({ selected: false, why })
  })
})
