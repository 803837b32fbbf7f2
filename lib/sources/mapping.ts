import { Failure } from '../failure.ts'
import type { Catalogue } from '../names/catalogue.ts'
import { isDay } from '../names/day.ts'
import { shown } from '../names/name.ts'
import { parseTarget, renderTarget } from '../names/target.ts'
import { expand, match, type Pattern, type Taken } from './pattern.ts'
import type { Found, Source } from './source.ts'

/** What an item is by its source: an image of a line, or why it is none. */
export type Mapped =
  | { readonly kind: 'unfit'; readonly reason: string }
  | { readonly kind: 'no-line'; readonly reason: string }
  | {
      readonly kind: 'mapped'
      /** Distro, release, point, role and architecture: `ubuntu-2404.4-std-x86`. */
      readonly target: string
      /** The same without the point. */
      readonly line: string
      readonly day: string | undefined
      /** What tells which is newer, by nature. */
      readonly order: string
    }

type MapSource = Pick<Source, 'match' | 'namespace' | 'line' | 'day' | 'order'>

/** Says what an item is. */
export function mapItem(
  source: MapSource,
  item: Found,
  catalogue: Catalogue,
  today: string,
): Mapped {
  const taken = takenFrom(source.match, item.name)
  if (typeof taken === 'string') return { kind: 'unfit', reason: taken }
  const values: Taken = { ...item.fields, ...taken }
  try {
    return { kind: 'mapped', ...placed(source, item, values, catalogue, today) }
  } catch (error) {
    if (error instanceof Failure) return { kind: 'no-line', reason: error.message }
    if (error instanceof Unmappable) return { kind: 'no-line', reason: error.message }
    throw error
  }
}

class Unmappable extends Error {}

/** What the fields are in a name, or why it does not fit. */
export function takenFrom(pattern: Pattern, name: string): Taken | string {
  try {
    return match(pattern, name) ?? 'its name does not fit the pattern'
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
}

function placed(
  source: MapSource,
  item: Found,
  values: Taken,
  catalogue: Catalogue,
  today: string,
) {
  const text = filled(source.line, values)
  // What a place says of an item leads to no other namespace, and to no older form of a name.
  if (!/^[A-Za-z0-9._-]+$/.test(text)) {
    throw new Unmappable(`"${shown(text)}" is no line: there is a character in it that no name has`)
  }
  const { namespace } = source
  const prefix = namespace === '' ? '' : `${namespace}/`
  const { line, point, day: dated } = parseTarget(`${prefix}${text}`, catalogue)
  if (dated !== undefined)
    throw new Unmappable(`"${shown(text)}" has a day in it: say it by \`day\``)
  return {
    target: renderTarget(line, point),
    line: renderTarget(line, 0),
    day: dayOf(source.day, values, today),
    order: orderOf(source.order, item, values),
  }
}

function filled(template: Pattern, values: Taken): string {
  const expanded = expand(template, values)
  if ('text' in expanded) return expanded.text
  const known = Object.keys(values)
  const has =
    known.length === 0 ? 'no field' : `only ${known.map((name) => `{${name}}`).join(', ')}`
  throw new Unmappable(`there is no {${expanded.absent}}: it has ${has}`)
}

/** As image names have it; a serial of the place's own only says which is newer. */
function dayOf(template: Pattern | undefined, values: Taken, today: string): string | undefined {
  const text = template === undefined ? values['date'] : filled(template, values)
  if (text === undefined) return undefined
  const [, year = '', month = '', day = ''] = /^(\d{4})-?(\d{2})-?(\d{2})(?!\d)/.exec(text) ?? []
  const found = `${year}${month}${day}`
  if (!isDay(found))
    throw new Unmappable(`"${shown(text)}" is no day: write \`day\` so that it is one`)
  if (found > today) throw new Unmappable(`its day ${found} has not come yet`)
  return found
}

function orderOf(template: Pattern | undefined, { time, name }: Found, values: Taken): string {
  if (template !== undefined) return filled(template, values)
  return values['date'] ?? time?.toISOString() ?? name
}
