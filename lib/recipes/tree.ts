import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Node,
  type Pair,
  type YAMLError,
} from 'yaml'
import type { Problem } from './problem.ts'

/** A value of a recipe. All that is no list and no map is text: what a word means is not YAML's to say. */
export type Value = string | readonly Value[] | { readonly [field: string]: Value }

export type Path = readonly PropertyKey[]

/** A text that was read as YAML. */
export interface Tree {
  readonly value: Value
  /** Why it is no YAML; if it is none, the value is worth nothing. */
  readonly malformed: readonly Problem[]
  /** What it has that recipes do not; the value goes without. */
  readonly refused: readonly Problem[]
  /** A problem of the value at a path, or of the nearest one around it that is there. */
  readonly at: (path: Path, message: string) => Problem
  /** The same of the key of a field. */
  readonly atKey: (path: Path, message: string) => Problem
}

const deepest = 8
const mostNodes = 20_000

/** Reads a recipe's YAML: one document of maps, lists and texts, without anchors and tags. */
export function readTree(text: string): Tree {
  const counter = new LineCounter()
  const document = parseDocument(text, {
    schema: 'failsafe',
    // What a failsafe document does not have, and a check that takes a minute on long maps; see `readMap`.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: counter,
    logLevel: 'error',
  })
  const place = (offset: number, message: string): Problem => {
    const { line, col } = counter.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1), message }
  }
  const reader = new Reader(place)
  const value = reader.read(document.contents, [])
  return {
    value,
    malformed: document.errors.map((error) => place(error.pos[0], sentence(error))),
    refused: reader.refused,
    at: (path, message) => place(nearest(reader.values, path), message),
    atKey: (path, message) => place(nearest(reader.keys, path, reader.values), message),
  }
}

/** Turns nodes into values, and remembers where they stood. */
class Reader {
  readonly refused: Problem[] = []
  readonly values = new Map<string, number>()
  readonly keys = new Map<string, number>()
  readonly #place: (offset: number, message: string) => Problem
  #count = 0

  constructor(place: (offset: number, message: string) => Problem) {
    this.#place = place
  }

  read(node: unknown, path: Path): Value {
    // A key can stand alone: its value is nothing, and nowhere.
    if (!isNode(node)) return ''
    const offset = offsetOf(node)
    this.values.set(keyOf(path), offset)
    this.#count++
    if (this.#count === mostNodes) this.#refuse(offset, `it has more than ${mostNodes} values`)
    if (this.#count >= mostNodes) return ''
    if (path.length > deepest) return this.#refuse(offset, 'it is nested too deeply')
    if (isAlias(node)) return this.#refuse(offset, 'write the value again rather than an alias')
    if (hasTag(node)) return this.#refuse(offset, 'leave the tag out: every value is text')
    if (isSeq(node)) return node.items.map((item, i) => this.read(item, [...path, i]))
    if (isMap(node)) return this.#readMap(node.items, path)
    return isScalar(node) && typeof node.value === 'string' ? node.value : ''
  }

  #readMap(pairs: readonly Pair[], path: Path): Value {
    const fields: [string, Value][] = []
    const seen = new Set<string>()
    for (const { key, value } of pairs) {
      const offset = offsetOf(key)
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.#refuse(offset, 'a field needs a word as its name')
        continue
      }
      const name = key.value
      if (seen.has(name)) this.#refuse(offset, `\`${name}\` is there twice: leave one out`)
      seen.add(name)
      this.keys.set(keyOf([...path, name]), offset)
      fields.push([name, this.read(value, [...path, name])])
    }
    return Object.fromEntries(fields)
  }

  #refuse(offset: number, message: string): Value {
    this.refused.push(this.#place(offset, message))
    return ''
  }
}

function hasTag({ tag }: Node): boolean {
  return tag !== undefined && !/^tag:yaml\.org,2002:(?:str|seq|map)$/.test(tag)
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

function nearest(
  places: ReadonlyMap<string, number>,
  path: Path,
  otherwise: ReadonlyMap<string, number> = places,
): number {
  const found = places.get(keyOf(path))
  if (found !== undefined || path.length === 0) return found ?? otherwise.get(keyOf(path)) ?? 0
  return nearest(otherwise, path.slice(0, -1), otherwise)
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String))
}

const sentences: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'the indentation does not fit: begin all fields of a map in one column',
  BLOCK_AS_IMPLICIT_KEY: 'a value is nested on the line of its field: put it on lines of its own',
  MISSING_CHAR: 'a quote, bracket or comma is missing',
  MULTIPLE_DOCS: 'it has several documents: leave `---` out and keep one',
  MULTILINE_IMPLICIT_KEY: 'this line is no field: write `field: value`',
  TAB_AS_INDENT: 'it is indented with a tab: use spaces',
  UNEXPECTED_TOKEN: 'there is something that YAML does not expect here',
}

function sentence({ code, message }: YAMLError): string {
  return sentences[code] ?? `it is no YAML: ${message}`
}
