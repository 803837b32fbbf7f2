import { describe, expect, test } from '@jest/globals'
import { RuleLeaving, RulePeers, SyncRule } from '../../../proto/gen/merge/image/v1/rule.ts'
import { parseRule } from '../../../services/rules/parse.ts'

const { RULE_LEAVING_KEEP_DAYS } = RuleLeaving
const parsed = (more: Partial<SyncRule>) =>
  parseRule(SyncRule.create({ facility: 'lab1', name: 'std', patterns: ['debian-*-*-*'], ...more }))

describe('a rule', () => {
  test('takes the newest of each line where it says nothing else', () => {
    expect(parsed({})).toMatchObject({ newest: 1, zone: 'UTC', leaving: 'release' })
    expect(parsed({ held: true })).toMatchObject({ newest: 0 })
    expect(parsed({ patterns: [], aliases: ['debian'] })).toMatchObject({ newest: 0 })
  })

  test('is kept in one form', () => {
    const patterns = [' Debian-13-STD-amd64 ', 'debian-*-*-*', 'debian-*-*-*']
    const written = parsed({ patterns, aliases: ['debian', 'debian'], cron: ' 0  3 * *  * ' })
    expect(written.patterns).toEqual(['debian-*-*-*', 'debian-13-std-x86'])
    expect(written).toMatchObject({ aliases: ['debian'], cron: '0 3 * * *' })
  })

  test('says on which terms what it wants is fetched, or on none', () => {
    expect(parsed({})).toMatchObject({ windows: [], rate: 0n, peers: 'first' })
    const given = { windows: ['22:00-06:00', '12:00-13:00', '22:00-06:00'], rate: 1000n }
    expect(parsed({ ...given, peers: RulePeers.RULE_PEERS_ONLY })).toMatchObject({
      ...{ windows: ['12:00-13:00', '22:00-06:00'], rate: 1000n, peers: 'only' },
    })
  })

  test.each<[string, Partial<SyncRule>, string, string]>([
    ['without a name', { name: '' }, 'INVALID_NAME', 'no name of a rule'],
    ['with a hostile name', { name: '../x' }, 'INVALID_NAME', 'no name of a rule'],
    ['at no facility', { facility: '' }, 'INVALID_NAME', 'no facility name'],
    ['of no line', { patterns: [], newest: 2 }, 'INVALID_FIELD', 'Say of which lines'],
    ['of what is no pattern', { patterns: ['debian'] }, 'INVALID_FIELD', 'no pattern of lines'],
    [
      'of too many patterns',
      { patterns: Array.from({ length: 33 }, (_, i) => `debian-${i}-*-*`) },
      'INVALID_FIELD',
      '32 at most',
    ],
    [
      'of what is no alias',
      { aliases: ['debian-13.1-std-x86-20260615'] },
      'INVALID_NAME',
      'is no alias',
    ],
    ['of too many', { newest: 1001 }, 'INVALID_FIELD', '1000 at most'],
    ['from itself', { origin: 'lab1' }, 'INVALID_FIELD', 'need not come from there'],
    ['from nowhere', { origin: 'No Where' }, 'INVALID_NAME', 'no facility name'],
    ['at an impossible time', { cron: '0 3 31 2 *' }, 'INVALID_FIELD', 'cron'],
    ['too often', { cron: '* * * * *' }, 'INVALID_FIELD', 'cron'],
    ['in no zone', { timeZone: 'Mars/Base' }, 'INVALID_FIELD', 'no time zone'],
    ['too late', { jitterSeconds: 86_401 }, 'INVALID_FIELD', 'a day'],
    ['in hours that are none', { windows: ['22-6'] }, 'INVALID_FIELD', 'as in 22:00-06:00'],
    ['in no hour', { windows: ['22:00-22:00'] }, 'INVALID_FIELD', 'two different times'],
    [
      'in nine windows',
      { windows: Array.from({ length: 9 }, () => '22:00-06:00') },
      'INVALID_FIELD',
      '8 at most',
    ],
    ['hardly moving', { rate: 999n }, 'INVALID_FIELD', 'rate is 1000 to'],
    ['above all', { priority: 101 }, 'INVALID_FIELD', '-100 to 100'],
    ['kept for no days', { leaving: RULE_LEAVING_KEEP_DAYS }, 'INVALID_FIELD', '1 to 36525'],
    ['with days and no reason', { keepDays: 3 }, 'INVALID_FIELD', 'without KEEP_DAYS'],
    ['with a novel', { notes: 'x'.repeat(1001) }, 'INVALID_FIELD', '1000 characters'],
  ])('%s is refused, and says so', (_, more, reason, text) => {
    expect(() => parsed(more)).toThrow(
      expect.objectContaining({ reason, message: expect.stringContaining(text) }),
    )
  })

  test('that is none is refused', () => {
    expect(() => parseRule(undefined)).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD' }))
  })
})
