import { describe, expect, test } from '@jest/globals'
import { groupSize, groupsOf, mostHolders, neighbours } from '../../../services/agents/company.ts'

const many = (count: number) => Array.from({ length: count }, (_, i) => `lab${i}`).sort()

describe('of those who have an image, a facility is told', () => {
  test('all others, if they are few', () => {
    const few = many(mostHolders + 1)
    expect(neighbours(few)('lab3')).toEqual(few.filter((name) => name !== 'lab3'))
  })

  test('some of many, each facility of its own, and nobody too often', () => {
    const all = many(1000)
    const told = all.map(neighbours(all))
    for (const [i, names] of told.entries()) {
      expect(names).toHaveLength(mostHolders)
      expect(names).not.toContain(all[i])
    }
    const counts = Map.groupBy(told.flat(), (name) => name)
    expect(counts.size).toBeGreaterThan(950)
    expect(Math.max(...[...counts.values()].map(({ length }) => length))).toBeLessThan(100)
  })

  test('mostly the same as others come and go', () => {
    const all = many(1000)
    const before = all.map(neighbours(all)).map((names) => names.join(' '))
    const after = all.map(neighbours(all.slice(1))).map((names) => names.join(' '))
    const changed = before.filter((names, i) => names !== after[i])
    expect(changed.length).toBeGreaterThan(0)
    expect(changed.length).toBeLessThan(100)
  })
})

describe('those who fetch an image', () => {
  test('are one group if they are few', () => {
    const few = many(2 * groupSize - 1)
    for (const group of groupsOf(few).values()) expect(group).toEqual(few)
  })

  test('are groups of which each member knows the others', () => {
    const all = many(1000)
    const groups = groupsOf(all)
    for (const name of all) {
      const group = groups.get(name) ?? []
      expect(group).toContain(name)
      for (const other of group) expect(groups.get(other)).toBe(group)
      expect(group.length).toBeLessThan(4 * groupSize)
    }
    expect(new Set(groups.values()).size).toBe(32)
  })

  test('stay together as others are done, but for groups that become one', () => {
    const all = many(1000)
    const [before, after] = [groupsOf(all), groupsOf(all.slice(200))]
    for (const name of all.slice(200)) {
      const left = before.get(name)?.filter((other) => after.has(other))
      expect(after.get(name)).toEqual(expect.arrayContaining(left ?? []))
    }
  })
})
