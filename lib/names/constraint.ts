import { invalid } from '../failure.ts'
import type { Distro } from './catalogue.ts'
import { isOrdered, type Clause } from './clause.ts'
import { readImageName } from './name.ts'
import { readPartial } from './partial.ts'
import { namespaceOf, readPhrase, type Phrase } from './phrase.ts'
import { knownDistro, readFieldValue, type ReadFields } from './value.ts'
import type { Warning } from './warning.ts'
import type { Vocabulary } from './word.ts'

/** Clauses that all must hold, about images of one distro. */
export interface Constraint {
  readonly namespace: string
  readonly distro: Distro
  readonly clauses: readonly Clause[]
  readonly warnings: readonly Warning[]
}

/** Whether a reference is a constraint rather than a name. */
export function isConstraint(text: string): boolean {
  return /[,<>=!]/.test(text)
}

/** Reads a constraint; the vocabulary depends on the namespace, which any of its clauses may give. */
export function parseConstraint(
  text: string,
  vocabularyOf: (namespace: string) => Vocabulary,
): Constraint {
  const phrases = text.split(',').map(readPhrase)
  const namespace = namespaceOf(phrases)
  const vocabulary = vocabularyOf(namespace)
  const distro = distroOfPhrases(phrases, vocabulary)
  if (distro === undefined) {
    throw invalid(
      'INVALID_NAME',
      `"${text}" does not say which distro it is about: begin with one, as in "ubuntu, release >= 2204"`,
    )
  }
  const read = phrases.map((phrase) => readClause(phrase, distro, vocabulary))
  return {
    namespace,
    distro,
    clauses: read.map(({ clause }) => clause),
    warnings: read.flatMap(({ warnings }) => warnings),
  }
}

interface ReadClause {
  readonly clause: Clause
  readonly warnings: readonly Warning[]
}

function distroOfPhrases(phrases: readonly Phrase[], vocabulary: Vocabulary): Distro | undefined {
  for (const { field, op, value } of phrases) {
    if (op === '!=') continue
    if (field === undefined) return readPartial(value, vocabulary).distro
    if (field === 'distro') return knownDistro(value, vocabulary)
  }
  return undefined
}

function readClause(phrase: Phrase, distro: Distro, vocabulary: Vocabulary): ReadClause {
  const { text, field, op, value } = phrase
  const read =
    field === undefined
      ? readNameFields(value, vocabulary)
      : readFieldValue(field, value, op, distro, vocabulary)
  if (op !== '=' && op !== '!=' && !isOrdered(read.fields)) {
    throw invalid(
      'INVALID_NAME',
      `"${text}" has nothing to order by: only release, point and build have an order`,
    )
  }
  return { clause: { text, op, fields: read.fields }, warnings: read.warnings }
}

/** An exact name in a clause is that one build, not every build of its day. */
function readNameFields(value: string, vocabulary: Vocabulary): ReadFields {
  const exact = readImageName(value)
  const read = readPartial(value, vocabulary)
  if (exact === undefined) return read
  const build = { digits: exact.build.day, serial: exact.build.serial }
  return { fields: { ...read.fields, build }, warnings: read.warnings }
}
