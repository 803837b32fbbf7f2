import { stripVTControlCharacters } from 'node:util'
import type { Answer, Paint } from './command.ts'

/** A list as an answer: a row each, with a heading over each column; `>` before one aligns it to the right. */
export function listed<T>(
  nouns: string,
  items: readonly T[],
  json: (item: T) => unknown,
  headings: readonly string[],
  cells: (item: T, paint: Paint) => readonly string[],
): Answer {
  return {
    json: items.map(json),
    text: (paint) => rowsOf(paint, nouns, headings, items, cells),
  }
}

/** The same as text; that there is nothing is said in words. */
export function rowsOf<T>(
  paint: Paint,
  nouns: string,
  headings: readonly string[],
  items: readonly T[],
  cells: (item: T, paint: Paint) => readonly string[],
): string {
  if (items.length === 0) return `No ${nouns}.`
  const rows = items.map((item) => cells(item, paint))
  return table(paint, headings, rows)
}

/** Rows under dash-underlined headings, as Merge prints them. */
export function table(
  paint: Paint,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const titles = headings.map((heading) => heading.replace(/^>/, ''))
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => visible(row[i] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const gap = ' '.repeat((widths[i] ?? 0) - visible(cell))
        return headings[i]?.startsWith('>') === true ? gap + cell : cell + gap
      })
      .join('  ')
      .trimEnd()
  const head = titles.map((title) => paint('bold', title))
  const rule = titles.map((title) => paint('dim', '-'.repeat(title.length)))
  return [head, rule, ...rows].map(line).join('\n')
}

/** Facts of one thing: a name and a value a line. */
export function facts(paint: Paint, entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries
    .map(([name, value]) => `${paint('dim', name)}${' '.repeat(width - name.length)}  ${value}`)
    .join('\n')
}

const colours: Readonly<Record<string, Parameters<Paint>[0]>> = {
  candidate: 'yellow',
  released: 'green',
  deprecated: 'yellow',
  revoked: 'red',
  good: 'green',
  archived: 'yellow',
  expired: 'red',
  missing: 'red',
  'digest mismatch': 'red',
  waiting: 'yellow',
  fetching: 'cyan',
  present: 'green',
  failed: 'red',
  queued: 'yellow',
  running: 'cyan',
  done: 'green',
  denied: 'red',
  cancelled: 'yellow',
  passed: 'green',
  skipped: 'yellow',
}

/** The word for a state, in its colour. */
export function coloured(paint: Paint, state: string): string {
  const colour = colours[state]
  return colour === undefined ? state : paint(colour, state)
}

function visible(cell: string): number {
  return stripVTControlCharacters(cell).length
}
