import { describe, expect, test } from '@jest/globals'
import { checkNames, requiredChecks, unpassed } from '../../../lib/recipes/checks.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { recipeText } from '../../support/recipes.ts'

describe('the checks of an image', () => {
  const passed = checkNames.map((name) => ({ name, outcome: 'passed' }) as const)

  test('are all required, but those that its recipe turns off', () => {
    const checks = (text?: string) => parseRecipe(recipeText({ checks: text })).checks
    expect(requiredChecks(checks())).toEqual(['boot', 'fsck', 'packages', 'hygiene'])
    expect(requiredChecks(checks('{boot: off, packages: off}'))).toEqual(['fsck', 'hygiene'])
  })

  test('let it be released once they passed', () => {
    expect(unpassed(checkNames, passed)).toEqual([])
  })

  test('stand in its way if one failed, was skipped or is not told', () => {
    const [, ...others] = passed
    expect(unpassed(checkNames, [{ name: 'boot', outcome: 'failed' }, ...others])).toEqual(['boot'])
    expect(unpassed(checkNames, [{ name: 'boot', outcome: 'skipped' }, ...others])).toEqual([
      'boot',
    ])
    expect(unpassed(checkNames, others)).toEqual(['boot'])
    expect(unpassed(checkNames, [])).toEqual([...checkNames])
  })

  test('that are turned off may be skipped, and not fail', () => {
    expect(unpassed([], [{ name: 'boot', outcome: 'skipped' }])).toEqual([])
    expect(unpassed([], [{ name: 'boot', outcome: 'failed' }])).toEqual(['boot'])
  })
})
