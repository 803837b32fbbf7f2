import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Digest } from '../../../lib/content/digest.ts'
import { recipeDigest } from '../../../lib/recipes/canonical.ts'
import { inputsDigest, worthBuilding } from '../../../lib/recipes/inputs.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { recipeText } from '../../support/recipes.ts'

const recipe = (fields: Record<string, string> = {}) => parseRecipe(recipeText(fields))

describe('the digest of a recipe', () => {
  test('is that of what it says, not of how it is written', () => {
    const lines = recipeText({ packages: '[vim, ssh]', notes: 'hello' }).trim().split('\n')
    const said = recipeDigest(parseRecipe(lines.join('\n')))
    fc.assert(
      fc.property(fc.shuffledSubarray(lines, { minLength: lines.length }), (shuffled) => {
        const text = `# as it comes\n${shuffled.join('   # a line\n')}\ncomponents: ['main']\n`
        return recipeDigest(parseRecipe(text)) === said
      }),
    )
  })

  test('is another one for each thing that it says otherwise', () => {
    const digests = [
      recipe(),
      recipe({ packages: '[vim]' }),
      recipe({ packages: '[ssh]' }),
      recipe({ notes: 'x' }),
      recipe({ schedule: '{cron: 0 3 * * *}' }),
      recipe({ line: 'debian-13.1-std-x86' }),
    ].map(recipeDigest)
    expect(new Set(digests).size).toBe(digests.length)
  })
})

describe('the digest of what an image is made of', () => {
  const packages = [
    { name: 'libc6', version: '2.41-12' },
    { name: 'vim', version: '9.1' },
  ]
  const digest = inputsDigest(recipe(), packages)

  test('does not hang on the order of packages, or on what does not shape the image', () => {
    expect(inputsDigest(recipe(), packages.toReversed())).toBe(digest)
    const others = {
      notes: 'x',
      schedule: '{cron: 0 3 * * *}',
      limits: '{time: 2h}',
      release: 'automatic',
      labels: '{team: net}',
    }
    expect(inputsDigest(recipe(others), packages)).toBe(digest)
  })

  test('changes with a package, a version, the recipe and the parent', () => {
    const all = [
      inputsDigest(recipe(), packages.slice(1)),
      inputsDigest(recipe(), packages.with(1, { name: 'vim', version: '9.2' })),
      inputsDigest(recipe({ scripts: '[echo hello]' }), packages),
      inputsDigest(recipe(), packages, 'sha256:1'),
      digest,
    ]
    expect(new Set(all).size).toBe(all.length)
  })
})

describe('a build', () => {
  const [one, two] = ['1'.repeat(64) as Digest, '2'.repeat(64) as Digest]
  const image = 'debian-13.0-std-x86-20261101'
  const wish = { force: false, unchanged: 'skip' } as const

  test('is skipped where its inputs are those of the image that is there', () => {
    expect(worthBuilding(one, { image, inputs: one }, wish)).toEqual({
      kind: 'skip',
      image,
      reason: `the inputs are those of ${image}: there is nothing to make`,
    })
  })

  test.each([
    ['its inputs changed', two, { image, inputs: one }, wish],
    ['there is no image', one, undefined, wish],
    ['nobody knows its inputs', undefined, { image, inputs: one }, wish],
    ['nobody knows those of the image', one, { image, inputs: undefined }, wish],
    ['somebody wants it', one, { image, inputs: one }, { ...wish, force: true }],
    ['its recipe wants it', one, { image, inputs: one }, { ...wish, unchanged: 'build' }],
  ] as const)('is made where %s', (_, inputs, former, wishes) => {
    expect(worthBuilding(inputs, former, wishes).kind).toBe('build')
  })
})
