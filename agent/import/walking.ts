import type { BigIntStats, Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { exhausted, invalid, type Failure } from '../../lib/failure.ts'
import { isWithin, leadsOut, reading, type Opened } from './within.ts'
import type { Item } from './origin.ts'

const mostFiles = 10_000
const deepest = 16
const longestName = 500

/** The files below a place, by their paths below it. Links to files are followed, links to folders are not. */
export async function itemsIn(opened: Opened, signal: AbortSignal): Promise<readonly Item[]> {
  const found: Item[] = []
  for await (const item of below(opened, '', 1, signal)) {
    found.push(item)
    if (found.length > mostFiles) throw tooMany(opened.root)
  }
  return found
}

/** What changes when the bytes do: how many, since when, and in which file. */
export function versionOf({ size, mtimeNs, ino }: BigIntStats): string {
  return `${size} bytes of ${mtimeNs} in ${ino}`
}

async function* below(
  opened: Opened,
  folder: string,
  depth: number,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const path = join(opened.root, folder)
  const entries = await reading(path, () => readdir(path, { withFileTypes: true }))
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    signal.throwIfAborted()
    // What is being written has such a name, as a rule.
    if (entry.name.startsWith('.')) continue
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    const fault = nameFault(name)
    if (fault !== undefined) yield refusedItem(harmless(name), fault)
    else if (entry.isDirectory() && depth < deepest) yield* below(opened, name, depth + 1, signal)
    else if (entry.isFile() || entry.isSymbolicLink()) yield* itemOf(opened, name, entry)
  }
}

async function* itemOf(
  { root, allowed }: Opened,
  name: string,
  entry: Dirent,
): AsyncGenerator<Item> {
  const path = join(root, name)
  const target = entry.isFile() ? path : await realpath(path).catch(() => undefined)
  // It went meanwhile, or leads nowhere.
  if (target === undefined) return
  if (!isWithin(target, allowed)) {
    yield refusedItem(name, leadsOut(name))
    return
  }
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found?.isFile() !== true) return
  const { size, mtime } = found
  yield { name, version: versionOf(found), sizeBytes: size, time: mtime, fields: {} }
}

function refusedItem(name: string, refused: Failure): Item {
  return { name, version: 'refused', fields: {}, refused }
}

/** Characters that cannot be seen, change how others look, or come from bytes that are no text. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\ufffd\\]/u

function nameFault(name: string): Failure | undefined {
  const why = hidden.test(name)
    ? 'it has characters that cannot be seen, or a backslash'
    : name.length > longestName
      ? `it is longer than ${longestName} characters`
      : undefined
  if (why === undefined) return undefined
  const text = `${harmless(name)} is refused as a name, because ${why}: rename the file.`
  return invalid('INVALID_NAME', text, { name: harmless(name) })
}

function harmless(name: string): string {
  const shown = name.replaceAll(
    new RegExp(hidden, 'gu'),
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
  return shown.length > longestName ? `${shown.slice(0, longestName - 1)}…` : shown
}

function tooMany(path: string): Failure {
  const text = `There are more than ${mostFiles} files below ${path}: have the source look at a folder further down.`
  return exhausted('INVALID_FIELD', text, { path })
}
