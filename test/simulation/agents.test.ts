import { describe, expect, test } from '@jest/globals'
import { simulate, type Outcome } from '../support/simulation/simulation.ts'

const { SEED, SEEDS } = process.env
const one = SEED === undefined ? undefined : Number(SEED)
const count = Number(SEEDS ?? 100)
const seeds = one === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [one]
/** Of a machine that does ten other things. */
const patienceMs = (count: number): number => 60_000 + count * 5_000

/** What to read where a seed does not end as it should. */
function told({ seed, steps, violation, lines }: Outcome): string {
  const again = `SEED=${seed} npm run -s jest -- test/simulation`
  return [`seed ${seed}, step ${steps}: ${violation ?? ''}`, ...lines, `Again: ${again}`].join('\n')
}

describe('agents, whatever befalls them and their surroundings', () => {
  test(
    `hold what they should in the end, and no step in between breaks a promise (${seeds.length} seeds)`,
    async () => {
      const [wrong, ended]: [string[], Outcome[]] = [[], []]
      for (const seed of seeds) {
        const outcome = await simulate(seed, one !== undefined)
        if (one !== undefined) process.stdout.write(`${outcome.lines.join('\n')}\n`)
        if (outcome.violation !== undefined) wrong.push(told(outcome))
        ended.push(outcome)
      }
      const steps = ended.reduce((sum, outcome) => sum + outcome.steps, 0)
      process.stdout.write(`${seeds.length} seeds, ${steps} steps, ${wrong.length} violations\n`)
      expect(wrong).toEqual([])
      expect(steps).toBeGreaterThan(100 * seeds.length)
    },
    patienceMs(seeds.length),
  )

  test(
    'do the same again for the same seed, step by step, and otherwise for another',
    async () => {
      const digests = new Set<string>()
      for (const seed of [1, 2, 3]) {
        const [first, second] = [await simulate(seed), await simulate(seed, true)]
        expect({ ...second, lines: [] }).toEqual({ ...first, lines: [] })
        digests.add(first.digest)
      }
      expect(digests.size).toBe(3)
    },
    patienceMs(6),
  )
})
