import type { CheckName, Checks } from './recipe.ts'

export const checkNames = ['boot', 'fsck', 'packages', 'hygiene'] as const satisfies CheckName[]

/** The checks that a recipe does not turn off. */
export function requiredChecks(checks: Checks): CheckName[] {
  return checkNames.filter((name) => checks[name] !== undefined && checks[name] !== false)
}

/** What a check came to. */
export interface CheckFound {
  readonly name: CheckName
  readonly outcome: 'passed' | 'failed' | 'skipped'
}

/**
 * The checks that stand in the way of a release: those that failed, and those that are required and did not pass. What is
 * not required may be skipped, but where it was looked at and is bad it is bad.
 */
export function unpassed(
  required: readonly CheckName[],
  found: readonly CheckFound[],
): readonly CheckName[] {
  const outcomes = new Map(found.map(({ name, outcome }) => [name, outcome]))
  return checkNames.filter((name) => {
    const outcome = outcomes.get(name)
    return outcome === 'failed' || (required.includes(name) && outcome !== 'passed')
  })
}
