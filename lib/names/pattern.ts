import { archOf } from './catalogue.ts'
import { invalid, type Failure } from '../failure.ts'
import type { Line } from './name.ts'

const fields = ['namespace', 'distro', 'release', 'role', 'arch'] as const
type Field = (typeof fields)[number]

/** Which lines are meant: each field a word, or undefined for any. The portal's namespace is the empty word. */
export type Pattern = Readonly<Record<Field, string | undefined>>

const shape = /^(?:([^/]+)\/)?([^-/]+)-([^-/]+)-([^-/]+)-([^-/]+)$/
const words: Readonly<Record<Field, RegExp>> = {
  namespace: /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/,
  distro: /^[a-z][a-z0-9]{1,15}$/,
  release: /^[0-9]{1,6}$/,
  role: /^[a-z][a-z0-9]{0,31}$/,
  arch: /^[a-z][a-z0-9_]*$/,
}

/** Reads a pattern as people write it: `debian-*-std-x86`, `lab1/*-*-*-*`. */
export function parsePattern(text: string): Pattern {
  const plain = text.trim().toLowerCase()
  const [, namespace, distro, release, role, arch] = shape.exec(plain) ?? []
  if (distro === undefined) throw noPattern(text)
  const given = { namespace, distro, release, role, arch }
  const read = (field: Field): string | undefined => {
    const word = given[field]
    if (word === '*') return undefined
    if (word === undefined) return ''
    if (!words[field].test(word)) throw noPattern(text, `"${word}" is no ${field}`)
    if (field !== 'arch') return word
    return archOf(word) ?? fail(noPattern(text, `"${word}" is no architecture`))
  }
  return {
    namespace: read('namespace'),
    distro: read('distro'),
    release: read('release'),
    role: read('role'),
    arch: read('arch'),
  }
}

function fail(failure: Failure): never {
  throw failure
}

function noPattern(text: string, why = 'it has not five parts, or four'): Failure {
  return invalid(
    'INVALID_FIELD',
    `"${text.slice(0, 200)}" is no pattern of lines: ${why}; write [NAMESPACE/]DISTRO-RELEASE-ROLE-ARCH, each a word or *, as in debian-*-std-x86.`,
    { field: 'pattern' },
  )
}

/** As it is kept and shown. */
export function renderPattern({ namespace, ...rest }: Pattern): string {
  const { distro = '*', release = '*', role = '*', arch = '*' } = rest
  const owner = namespace === '' ? '' : `${namespace ?? '*'}/`
  return `${owner}${distro}-${release}-${role}-${arch}`
}

/** Whether a line is one of the pattern's. `*` as a namespace is every facility's, and not the portal's. */
export function fits(pattern: Pattern, line: Line): boolean {
  return fields.every((field) => {
    const word = pattern[field]
    if (word !== undefined) return word === line[field]
    return field !== 'namespace' || line.namespace !== ''
  })
}

/** Whether all lines of `inner` are `outer`'s too. */
export function covers(outer: Pattern, inner: Pattern): boolean {
  return fields.every((field) => {
    if (outer[field] === inner[field]) return true
    return outer[field] === undefined && !(field === 'namespace' && inner[field] === '')
  })
}

/** What two patterns have in common, as a pattern; undefined for nothing. */
export function meet(a: Pattern, b: Pattern): Pattern | undefined {
  const both = (field: Field): string | undefined | false => {
    if (a[field] === b[field]) return a[field]
    if (field === 'namespace' && (a[field] === '' || b[field] === '')) return false
    if (a[field] === undefined) return b[field]
    return b[field] === undefined ? a[field] : false
  }
  const [namespace, distro, release, role, arch] = fields.map(both)
  if ([namespace, distro, release, role, arch].includes(false)) return undefined
  const word = (value: string | undefined | false) => (value === false ? undefined : value)
  return {
    namespace: word(namespace),
    distro: word(distro),
    release: word(release),
    role: word(role),
    arch: word(arch),
  }
}

/** Whether two patterns have lines in common and neither is the more specific one. */
export function clash(a: Pattern, b: Pattern): boolean {
  return meet(a, b) !== undefined && !covers(a, b) && !covers(b, a)
}

/**
 * Finds the most specific of the patterns that fit a line. Among those that fit one, each two are one inside the other, so the one with
 * the most words is it.
 */
export function matcher<T extends { readonly pattern: Pattern }>(
  all: readonly T[],
): (line: Line) => T | undefined {
  const byWords = new Map(all.map((one) => [keyOf(one.pattern), one]))
  const shapes = new Map(all.map(({ pattern }) => [shapeOf(pattern), pattern]))
  const ordered = [...shapes.values()].toSorted((a, b) => wordCount(b) - wordCount(a))
  return (line) => {
    for (const form of ordered) {
      if (form.namespace === undefined && line.namespace === '') continue
      const found = byWords.get(keyOf(narrowed(form, line)))
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** The pattern of the same shape that a line would fit. */
function narrowed(form: Pattern, line: Line): Pattern {
  const word = (field: Field) => (form[field] === undefined ? undefined : line[field])
  return {
    namespace: word('namespace'),
    distro: word('distro'),
    release: word('release'),
    role: word('role'),
    arch: word('arch'),
  }
}

function keyOf(pattern: Pattern): string {
  return fields.map((field) => pattern[field] ?? '*').join(' ')
}

function shapeOf(pattern: Pattern): string {
  return fields.map((field) => (pattern[field] === undefined ? '*' : 'x')).join('')
}

function wordCount(pattern: Pattern): number {
  return fields.filter((field) => pattern[field] !== undefined).length
}
