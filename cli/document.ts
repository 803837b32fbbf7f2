import { open } from 'node:fs/promises'
import { invalid, type Failure } from '../lib/failure.ts'
import { readFault } from '../lib/workers/faults.ts'

/** A part of a JSON file, and where in it that stands: `nodes[3].image`; empty for all of it. */
export interface Part {
  readonly file: string
  readonly where: string
  readonly value: unknown
}

/** More than any list or model of an experiment has. */
const mostBytes = 32 * 1024 * 1024

/** The text of a file that a person wrote or keeps. */
export async function readText(file: string): Promise<string> {
  try {
    await using handle = await open(file)
    const { size } = await handle.stat()
    if (size > mostBytes) throw wrongFile(file, `has ${size} bytes, and can only be another file`)
    return (await handle.readFile('utf8')).replace(/^\u{feff}/u, '')
  } catch (error) {
    throw readFault(file, error)
  }
}

export function parseDocument(file: string, text: string): Part {
  if (text.trim() === '') throw wrongFile(file, 'is empty')
  const conflict = text.split('\n').findIndex((line) => line.startsWith('<<<<<<< '))
  if (conflict >= 0) {
    throw wrongFile(file, `has an unresolved merge in line ${conflict + 1}: resolve it first`)
  }
  try {
    return { file, where: '', value: JSON.parse(text) as unknown }
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : String(error)
    throw wrongFile(file, `is not JSON, or was cut off: ${why}`)
  }
}

/** A field of an object; its value is undefined where the object has none. */
export function field(part: Part, name: string): Part {
  const value =
    isRecord(part.value) && Object.hasOwn(part.value, name) ? part.value[name] : undefined
  const plain = /^[A-Za-z_][\w-]*$/.test(name)
  const step = plain ? `${part.where === '' ? '' : '.'}${name}` : `[${JSON.stringify(name)}]`
  return { file: part.file, where: part.where + step, value }
}

/** The fields of an object, by name. */
export function fieldsOf(part: Part): readonly (readonly [string, Part])[] {
  if (!isRecord(part.value)) throw wrong(part, 'is no object')
  return Object.keys(part.value).map((name) => [name, field(part, name)])
}

/** The items of a list. */
export function itemsOf(part: Part): readonly Part[] {
  if (!Array.isArray(part.value)) throw wrong(part, 'is no list')
  return part.value.map((value: unknown, i) => {
    return { file: part.file, where: `${part.where}[${i}]`, value }
  })
}

export function textOf(part: Part, what: string): string {
  if (typeof part.value === 'string') return part.value
  throw wrong(part, `is ${kindOf(part)}, and ${what} is text`)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a value is, in words. */
export function kindOf({ value }: Part): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return isRecord(value) ? 'an object' : `a ${typeof value}`
}

/** The failure of a part; `why` goes on after its place. */
export function wrong(part: Part, why: string): Failure {
  const { file, where } = part
  const message = where === '' ? `${file} ${why}.` : `${file}: ${where} ${why}.`
  return invalid('WRONG_FORMAT', message, { path: file, found: kindOf(part), at: where })
}

function wrongFile(file: string, why: string): Failure {
  return invalid('WRONG_FORMAT', `${file} ${why}.`, { path: file, found: 'another file' })
}
