import { describe, expect, test } from '@jest/globals'
import { dispatch } from '../../cli/dispatch.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { mrsImage } from '../../cli/mrs.ts'
import type { Program } from '../../cli/program.ts'

function asked(program: Program, line: string) {
  const found = dispatch(program, line === '' ? [] : line.split(' '))
  if (found.kind === 'help') return found
  const { command, args, flags } = found
  return { verb: command.verb, object: command.object, args, flags }
}

test.each([
  ['list', 'list', 'images', []],
  ['li', 'list', 'images', []],
  ['li fac', 'list', 'facilities', []],
  ['list images', 'list', 'images', []],
  ['reso fedora', 'resolve', 'image', ['fedora']],
  ['resolve image fedora', 'resolve', 'image', ['fedora']],
  ['sh fedora-43', 'show', 'image', ['fedora-43']],
  ['show fac lab1', 'show', 'facility', ['lab1']],
  ['set al course fedora', 'set', 'alias', ['course', 'fedora']],
  ['hist course', 'history', undefined, ['course']],
  ['roll al course', 'rollback', 'alias', ['course']],
  ['resu alias course', 'resume', 'alias', ['course']],
  ['push fedora lab1 lab2', 'push', 'image', ['fedora', 'lab1', 'lab2']],
  ['list-aliases', 'list', 'aliases', []],
  ['show distro ubuntu', 'show', 'distro', ['ubuntu']],
  ['put ro desktop', 'put', 'role', ['desktop']],
  ['lock model.json', 'lock', undefined, ['model.json']],
  ['show lock 01KV', 'show', 'lock', ['01KV']],
  ['verify lock', 'verify', 'lock', []],
  ['ver lo cs101/images.lock', 'verify', 'lock', ['cs101/images.lock']],
  ['upgrade lock images.lock', 'upgrade', 'lock', ['images.lock']],
  ['put rec mine.yaml', 'put', 'recipe', ['mine.yaml']],
  ['li rec', 'list', 'recipes', []],
  ['show recipes std', 'show', 'recipe', ['std']],
  ['del rec std', 'delete', 'recipe', ['std']],
  ['resu rec std', 'resume', 'recipe', ['std']],
  ['pre sch std', 'preview', 'schedule', ['std']],
  ['ru b std', 'run', 'build', ['std']],
  ['w b 01KV', 'watch', 'build', ['01KV']],
  ['ca bu 01KV', 'cancel', 'build', ['01KV']],
  ['ret b 01KV', 'retry', 'build', ['01KV']],
  ['li de debian', 'list', 'descendants', ['debian']],
  ['ren lab1/debian', 'renew', 'image', ['lab1/debian']],
  ['sha lab1/debian', 'share', 'image', ['lab1/debian']],
  ['set q lab1 1G', 'set', 'quota', ['lab1', '1G']],
  ['hold back debian-13', 'hold', 'back', ['debian-13']],
  ['hold-back debian-13', 'hold', 'back', ['debian-13']],
  ['renew hold 01KV', 'renew', 'hold', ['01KV']],
  ['rel hold 01KV', 'release', 'hold', ['01KV']],
  ['release debian-13', 'release', 'image', ['debian-13']],
  ['li holds', 'list', 'holds', []],
  ['li hold', 'list', 'holds', []],
  ['li holder debian', 'list', 'holders', ['debian']],
  ['dep debian-13', 'deprecate', 'image', ['debian-13']],
  ['rest debian-13', 'restore', 'image', ['debian-13']],
  ['hist im debian-13', 'history', 'image', ['debian-13']],
  ['diff debian-12 debian-13', 'diff', 'image', ['debian-12', 'debian-13']],
])('mrg-image %s', (line, verb, object, args) => {
  expect(asked(mrgImage, line)).toEqual({ verb, object, args, flags: {} })
})

test.each([
  ['stat', 'status', undefined, []],
  ['write out fedora /tmp/f', 'write', 'out', ['fedora', '/tmp/f']],
  ['write-out fedora /tmp/f', 'write', 'out', ['fedora', '/tmp/f']],
  ['pull fedora', 'pull', 'image', ['fedora']],
])('mrs-image %s', (line, verb, object, args) => {
  expect(asked(mrsImage, line)).toEqual({ verb, object, args, flags: {} })
})

test('options may stand anywhere, with a space or an equals sign', () => {
  expect(
    asked(mrgImage, '--json publish disk.raw --as=debian-13 --portal p:1 --candidate'),
  ).toEqual({
    verb: 'publish',
    object: 'image',
    args: ['disk.raw'],
    flags: { json: true, as: 'debian-13', portal: 'p:1', candidate: true },
  })
})

describe('what cannot be understood', () => {
  test.each([
    ['pu', '`pu` could be `publish`, `push` or `put`', 'mrg-image --help'],
    ['put', 'say what: mrg-image put distro ID --name TEXT [options] or', 'mrg-image put --help'],
    [
      'put release debian 15',
      '--official TEXT is missing: mrg-image put release DISTRO RELEASE',
      'mrg-image put release --help',
    ],
    ['lst', 'there is no command `lst`: did you mean `list`?', 'mrg-image --help'],
    [
      'list facilites',
      'there is no object `facilites`: did you mean `facilities`?',
      'mrg-image list --help',
    ],
    [
      'new facility',
      'NAME is missing: mrg-image new facility NAME [options]',
      'mrg-image new facility --help',
    ],
    [
      'new lab1',
      'there is no object `lab1`: known are facility, token, robot',
      'mrg-image new --help',
    ],
    ['show', 'IMAGE is missing: mrg-image show IMAGE', 'mrg-image show --help'],
    ['show alias', 'ALIAS is missing: mrg-image show alias ALIAS', 'mrg-image show alias --help'],
    ['lock', 'MODEL is missing: mrg-image lock MODEL [options]', 'mrg-image lock --help'],
    [
      'verify lock a b',
      '`b` is one too many: mrg-image verify lock [FILE]',
      'mrg-image verify lock --help',
    ],
    ['show x y', '`y` is one too many', 'mrg-image show --help'],
    ['push fedora', 'FACILITY is missing', 'mrg-image push --help'],
    ['publish f', '--as TARGET is missing', 'mrg-image publish --help'],
    ['publish f --as', '--as needs a value: --as TARGET', 'mrg-image publish --help'],
    ['publish f --as --candidate', '--as needs a value', 'mrg-image publish --help'],
    ['publish f --as d --candidate=yes', '--candidate takes no value', 'mrg-image publish --help'],
    [
      'list --stat x',
      'there is no option `--stat`: did you mean `--state`?',
      'mrg-image list --help',
    ],
    ['list --explain', 'there is no option `--explain`', 'mrg-image list --help'],
    [
      'list --state relesed',
      'there is no state `relesed`: did you mean `released`?',
      'mrg-image list --help',
    ],
    ['list --toString', 'there is no option `--toString`', 'mrg-image list --help'],
  ])('%s', (line, message, help) => {
    expect(() => asked(mrgImage, line)).toThrow(
      expect.objectContaining({
        name: 'UsageError',
        message: expect.stringContaining(message),
        help,
      }),
    )
  })
})

describe('help', () => {
  test('of a verb that is two commands writes the object of the second', () => {
    const text = expect.stringMatching(/^Usage: mrg-image history image IMAGE\n/)
    expect(asked(mrgImage, 'history image --help')).toEqual({ kind: 'help', text })
  })

  test.each(['', '--help', '-h', 'help'])('of the tool: %s', (line) => {
    const text = expect.stringMatching(/Commands:\n {2}publish FILE.*Options of every command:/s)
    expect(asked(mrgImage, line)).toEqual({ kind: 'help', text })
  })

  test.each(['publish --help', 'help pub', 'publish disk.raw -h'])('of a command: %s', (line) => {
    const text = expect.stringMatching(/^Usage: mrg-image publish FILE --as TARGET \[options\]/)
    expect(asked(mrgImage, line)).toEqual({ kind: 'help', text })
  })
})

test.each([mrgImage, mrsImage])('$name has one meaning and one kind for each option', (program) => {
  const kinds = new Map<string, boolean>()
  for (const [name, { value }] of program.commands.flatMap(({ flags }) => Object.entries(flags))) {
    expect(kinds.get(name) ?? value !== undefined).toBe(value !== undefined)
    kinds.set(name, value !== undefined)
  }
})

test.each([mrgImage, mrsImage])('every example of $name is a command line of it', (program) => {
  for (const { verb, examples } of program.commands) {
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      const words = Array.from(
        example.matchAll(/'([^']*)'|(\S+)/g),
        ([, quoted, bare]) => quoted ?? bare,
      )
      const found = dispatch(
        program,
        words.filter((word) => word !== undefined),
      )
      expect(found).toMatchObject({ kind: 'run', command: { verb } })
    }
  }
})
