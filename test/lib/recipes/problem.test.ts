import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Failure } from '../../../lib/failure.ts'
import { parseRecipe, readRecipe } from '../../../lib/recipes/parse.ts'
import { renderProblem } from '../../../lib/recipes/problem.ts'
import { recipeText } from '../../support/recipes.ts'

const problemsOf = (text: string): string[] => {
  const read = readRecipe(text)
  return 'problems' in read ? read.problems.map(renderProblem) : []
}

const wrong: readonly (readonly [what: string, text: string, ...problems: string[]])[] = [
  [
    'a field that nobody knows',
    recipeText({ suits: '[trixie]' }),
    'line 5, column 1: there is no field `suits` here; did you mean `suites`?',
  ],
  [
    'fields that nobody knows, at any depth',
    recipeText({ limits: '{tme: 1h, disc: 2G}', checks: '{boot: {marker: x, withn: 1m}}' }),
    'line 5, column 10: there is no field `tme` here; did you mean `time`?',
    'line 5, column 19: there is no field `disc` here; did you mean `disk`?',
    'line 6, column 28: there is no field `withn` here; did you mean `within`?',
  ],
  [
    'no line',
    recipeText({ line: undefined }),
    'line 1, column 1: the field `line` is missing: it needs distro, release, role and architecture, such as debian-13-std-x86; a point release may be given, as in debian-13.1-std-x86',
  ],
  [
    'another builder, and more',
    recipeText({ builder: 'docker', size: '2 GB' }),
    'line 2, column 10: `builder` needs `mmdebstrap`, `dnf` or `command`',
    'line 4, column 7: `size` needs a size such as 512M or 4G, from 64M to 1T',
  ],
  [
    'what another builder needs',
    recipeText({ builder: 'dnf' }),
    'line 2, column 10: dnf needs the field `repositories`: a list, each with `name` and `url`',
    'line 2, column 10: dnf needs the field `packages`: a list of packages and groups, such as `[kernel, "@core"]`',
    'line 3, column 1: `suites` is for mmdebstrap, and the builder is dnf: leave it out',
  ],
  [
    'a package that is an option of a program, or two',
    recipeText({ packages: '[--hook=x, "a b", ok]' }),
    'line 5, column 12: `packages[0]` needs the name of a package: no spaces, and no dash at its start',
    'line 5, column 22: `packages[1]` needs the name of a package: no spaces, and no dash at its start',
  ],
  [
    'a package twice',
    recipeText({ packages: '[ssh, vim, ssh]' }),
    'line 5, column 22: `packages[2]` has "ssh" twice',
  ],
  ...['etc/motd', '/etc/../motd', '/etc/', '/', '/a//b', '/./a'].map(
    (path) =>
      [
        `a file at ${path}`,
        recipeText({ files: `[{path: "${path}", content: x}]` }),
        'line 5, column 16: `files[0].path` needs an absolute path such as /etc/motd, without "." and ".." in it',
      ] as const,
  ),
  [
    'a schedule that never comes',
    recipeText({ schedule: '{cron: 0 3 31 2 *}' }),
    'line 5, column 18: `schedule.cron` never comes: no month has such a day',
  ],
  [
    'a schedule of six fields',
    recipeText({ schedule: '{cron: 0 0 3 1 2 *}' }),
    'line 5, column 18: `schedule.cron` needs five fields: minute, hour, day of the month, month, day of the week, as in "0 3 1 */3 *"',
  ],
  [
    'an hour that no day has',
    recipeText({ schedule: '{cron: 0 25 * * *}' }),
    'line 5, column 18: `schedule.cron` is no time of cron: Invalid value for hour: 25',
  ],
  [
    'a build each minute',
    recipeText({ schedule: '{cron: "* * * * *"}' }),
    'line 5, column 18: `schedule.cron` needs 10 minutes between two builds at least',
  ],
  [
    'a place that is no time zone',
    recipeText({ schedule: '{cron: 0 3 * * *, time_zone: Europe/Berln}' }),
    'line 5, column 40: `schedule.time_zone` needs a time zone such as Europe/Berlin; did you mean `Europe/Berlin`?',
  ],
  [
    'a field twice, and another problem',
    `${recipeText()}size: 3G\nboot: [uefi]\n`,
    'line 5, column 1: `size` is there twice: leave one out',
    'line 6, column 8: `boot[0]` needs `bios` or `efi`',
  ],
  [
    'scripts of a shape that there is not',
    recipeText({ scripts: '[ok, [x], {name: a, rum: b}]' }),
    'line 5, column 15: `scripts[1]` needs the lines of a script, or `name` and `run`',
    'line 5, column 20: the field `scripts[2].run` is missing: it needs a text',
    'line 5, column 30: there is no field `rum` here; did you mean `run`?',
  ],
  [
    'limits beyond the limits',
    recipeText({ limits: '{time: 2d, disk: 1M, log: 1G, attempts: 0}' }),
    'line 5, column 16: `limits.time` needs a time such as 90s, 15m or 1h, from 1m to 1d',
    'line 5, column 26: `limits.disk` needs a size such as 512M or 4G, from 512M to 2T',
    'line 5, column 35: `limits.log` needs a size such as 512M or 4G, from 64K to 64M',
    'line 5, column 49: `limits.attempts` needs a number from 1 to 10',
  ],
  [
    'aliases and tags of YAML',
    recipeText({ notes: '&a hello', packages: '[*a]', parent: '!!str x' }),
    'line 6, column 12: write the value again rather than an alias',
  ],
  [
    'a tag of a program',
    recipeText({ notes: '!!js/function x' }),
    'line 5, column 22: leave the tag out: every value is text',
  ],
  [
    'a list',
    '[a, b]',
    'line 1, column 1: the recipe needs fields of its own, on lines below it that are indented',
  ],
  ['a tab', 'packages:\n\t- a', 'line 2, column 1: it is indented with a tab: use spaces'],
  [
    'two documents',
    `${recipeText()}---\na: b\n`,
    'line 5, column 1: it has several documents: leave `---` out and keep one',
  ],
  ['nothing', ' \n', 'line 1, column 1: it is empty: begin with `line: debian-13-std-x86`'],
  [
    'a control character',
    'line: a\nb\u0000: c',
    'line 2, column 2: there is a control character: take it out',
  ],
  ['too much', `#${'x'.repeat(256 * 1024)}`, 'line 1, column 1: it has more than 256 KiB'],
  [
    'too many packages',
    recipeText({ packages: `[${Array.from({ length: 5001 }, (_, i) => `p${i}`).join(', ')}]` }),
    'line 5, column 11: `packages` has 5001 items, and may have 5000',
  ],
]

describe('what is wrong with a recipe', () => {
  test.each(wrong)('is told for %s', (_, text, ...problems) => {
    expect(problemsOf(text)).toEqual(problems)
  })

  test('is told of all its lines at once, as one failure that says where the first is', () => {
    const text = recipeText({ suits: 'x', pakages: 'y', size: '1' })
    expect(() => parseRecipe(text)).toThrow(
      expect.objectContaining({
        kind: 'invalid',
        reason: 'INVALID_RECIPE',
        facts: { line: '4', column: '7', count: '3' },
        message: expect.stringMatching(
          /^The recipe cannot be used:\n {2}line 4.*\n {2}line 5.*\n {2}line 6/,
        ),
      }),
    )
  })

  test('is a dozen problems at most in a failure', () => {
    const text = recipeText({ packages: `[${Array.from({ length: 40 }, () => '-x').join(', ')}]` })
    try {
      parseRecipe(text)
      expect('it was read').toBe('refused')
    } catch (error) {
      const { message } = error as Failure
      expect(message.split('\n')).toHaveLength(14)
      expect(message).toMatch(/and 67 more$|and 28 more$/)
    }
  })

  test.each([
    ['brackets', '['.repeat(200_000)],
    ['dashes', '- '.repeat(100_000)],
    ['a long map', Array.from({ length: 25_000 }, (_, i) => `k${i}: v`).join('\n')],
    ['one field over and over', 'k: v\n'.repeat(50_000)],
  ])('is found in seconds, whatever it is: %s', (_, text) => {
    const start = performance.now()
    expect(problemsOf(text).length).toBeGreaterThan(0)
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  test('is told with a place in the text, whatever the text', () => {
    const piece = fc.constantFrom(
      ...[
        'line',
        'builder',
        'size',
        'files',
        'path',
        'schedule',
        'cron',
        ': ',
        '- ',
        '\n',
        '  ',
        '[',
        ']',
        '{',
        '}',
      ],
      ...[
        '"',
        "'",
        '|',
        '>',
        '&a',
        '*a',
        '!x',
        '#',
        '?',
        '0',
        'x',
        ',',
        '\t',
        '---\n',
        '__proto__',
        'constructor',
        '\u2028',
        '💿',
      ],
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 60 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const read = readRecipe(text)
        if (!('problems' in read)) return true
        const lines = text.split('\n').length
        return read.problems.every(
          ({ line, column }) => line >= 1 && line <= lines + 1 && column >= 1,
        )
      }),
      { numRuns: 3000 },
    )
  })
})
