import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { renderLine } from '../lib/names/name.ts'
import { requiredChecks } from '../lib/recipes/checks.ts'
import { parseRecipe } from '../lib/recipes/parse.ts'
import { recipeFields } from '../lib/recipes/fields.ts'

const folder = join(import.meta.dirname, '../recipes')
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
const shipped = readdirSync(folder).filter((file) => file !== 'template.yaml')

test('there is a recipe for each system that is shipped, std and hypervisor', () => {
  const systems = ['debian-12', 'debian-13', 'fedora-43', 'ubuntu-2404']
  const files = systems.flatMap((name) => [`${name}-hypervisor.yaml`, `${name}-std.yaml`])
  expect(shipped).toEqual(files)
})

test.each(shipped)('%s builds what its name says, by itself, with all checks', (file) => {
  const recipe = parseRecipe(read(file))
  expect(renderLine(recipe.line)).toBe(`${file.replace('.yaml', '')}-x86`)
  expect(recipe).toMatchObject({ release: 'automatic', schedule: { unchanged: 'skip' } })
  expect(requiredChecks(recipe.checks)).toHaveLength(4)
})

test('no two of them are built at the same time', () => {
  const times = shipped.map((file) => parseRecipe(read(file)).schedule?.cron)
  expect(new Set(times).size).toBe(shipped.length)
})

describe('the template', () => {
  const template = read('template.yaml')
  const fields = template.slice(template.indexOf('\nline:'), template.indexOf('# ---'))
  const whole = fields.replaceAll(/^#(?=\S| {2})/gm, '')
  /** The example of another builder. */
  const example = (builder: string): string => {
    const block = new RegExp(`^# --- ${builder},[^]*?^#\n((?:# {5}.*\n)+)`, 'm')
    const [, lines = ''] = block.exec(template) ?? []
    return `line: debian-13-std-x86\nsize: 4G\n${lines.replaceAll(/^# {5}/gm, '')}`
  }

  test('is a recipe as it is, and with every field that is commented out', () => {
    expect(parseRecipe(template)).toMatchObject({ builder: 'mmdebstrap', files: [] })
    const recipe = parseRecipe(whole)
    expect(recipe).toMatchObject({ files: [{ path: '/etc/motd' }], parent: 'debian-13' })
    expect(recipe).toHaveProperty('scripts.length', 2)
  })

  test('shows what holds without a field', () => {
    const { checks, limits, boot, release } = parseRecipe(template)
    expect(parseRecipe(whole)).toMatchObject({ checks, limits, boot, release })
  })

  test('has examples of the other builders that are recipes', () => {
    for (const builder of ['dnf', 'command']) {
      expect(parseRecipe(example(builder)).builder).toBe(builder)
    }
  })

  test('has every field that there is', () => {
    for (const field of Object.keys(recipeFields.shape)) {
      expect(template).toMatch(new RegExp(`^(?:#|# {5})?${field}:`, 'm'))
    }
  })
})
