import { invalid } from '../failure.ts'
import type { Op } from './clause.ts'
import { fieldNames, type FieldName } from './fields.ts'
import { maxNameLength, shown, splitNamespace } from './name.ts'
import { suggest } from './suggest.ts'

/** A clause cut into its parts. */
export interface Phrase {
  readonly text: string
  readonly field: FieldName | undefined
  readonly op: Op
  readonly namespace: string
  readonly value: string
}

/** Cuts a clause at its operator. */
export function readPhrase(raw: string): Phrase {
  const text = raw.trim()
  const [, word, sign = '=', value = ''] =
    /^(?:([a-z]+)? *(==|=|!=|>=|<=|>|<))? *([a-z0-9._:/-]+)$/.exec(text) ?? []
  if (value === '' || text.length > maxNameLength) {
    throw invalid('INVALID_NAME', `"${shown(text)}" is no clause: ${examples}`)
  }
  const op = ops.get(sign) ?? '='
  if (word === undefined) {
    const { namespace, rest } = splitNamespace(value)
    return { text, field: undefined, op, namespace, value: rest }
  }
  const field = fieldNames.find((name) => name === word)
  if (field === undefined) {
    const { ending } = suggest(word, fieldNames)
    throw invalid('INVALID_NAME', `"${text}" is no clause: no field is called "${word}"; ${ending}`)
  }
  if (value.includes('/')) {
    throw invalid('INVALID_NAME', `"${text}" is no clause: ${examples}`)
  }
  return { text, field, op, namespace: '', value }
}

const examples = `write "fedora-43", "!= fedora-43.2" or one of ${fieldNames.join(', ')} as in "release >= 2204"`

const ops: ReadonlyMap<string, Op> = new Map([
  ['==', '='],
  ['=', '='],
  ['!=', '!='],
  ['>=', '>='],
  ['<=', '<='],
  ['>', '>'],
  ['<', '<'],
])

/** The namespace that a constraint is about: any of its clauses may give it. */
export function namespaceOf(phrases: readonly Phrase[]): string {
  const [namespace = '', ...others] = new Set(
    phrases.map((phrase) => phrase.namespace).filter((name) => name !== ''),
  )
  if (others.length === 0) return namespace
  throw invalid(
    'DUPLICATE_FIELD',
    `A constraint is about the images of one facility, not of ${[namespace, ...others].join(' and ')}`,
  )
}
