import { invalid, type Failure } from './failure.ts'
import { shown } from './names/name.ts'

/** What people say of an image, for lists and rules to tell images by: keys and values as Kubernetes has them. */
export type Labels = Readonly<Record<string, string>>

/** What is asked of a label. */
export type Selector =
  | { readonly kind: 'is'; readonly key: string; readonly value: string }
  | { readonly kind: 'has'; readonly key: string }
  | { readonly kind: 'lacks'; readonly key: string }

/** An image has so many at most. */
export const mostLabels = 32

const word = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/
const domain = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/** Whether a text may be a key: `team`, `example.org/team`. */
export function isLabelKey(text: string): boolean {
  const [name = '', prefix, ...more] = text.split('/').toReversed()
  if (more.length > 0 || !word.test(name)) return false
  return prefix === undefined || (prefix.length <= 253 && domain.test(prefix))
}

export function isLabelValue(text: string): boolean {
  return text === '' || word.test(text)
}

export const labelKeyRule =
  'letters, digits, dots, dashes and underscores, 63 at most and the first and last a letter or digit, with a domain and a slash before or not'
export const labelValueRule =
  '63 letters, digits, dots, dashes and underscores at most, the first and last a letter or digit'

/** Reads labels as they were sent, or throws INVALID_FIELD. */
export function parseLabels(given: Labels): Labels {
  const all = Object.entries(given)
  for (const [key, value] of all) {
    demandKey(key)
    if (!isLabelValue(value)) {
      throw wrong(`"${shown(value)}" is no value of a label: ${labelValueRule}.`)
    }
  }
  demandFew(all.length)
  return given
}

export function demandKey(key: string): void {
  if (!isLabelKey(key)) throw wrong(`"${shown(key)}" is no key of a label: ${labelKeyRule}.`)
}

export function demandFew(count: number): void {
  if (count > mostLabels) throw wrong(`An image has ${mostLabels} labels at most.`)
}

/** Reads `team=net`, `team` for whatever its value, or `!team` for none; or throws INVALID_FIELD. */
export function parseSelector(text: string): Selector {
  const trimmed = text.trim()
  if (trimmed.startsWith('!')) return keyed('lacks', trimmed.slice(1))
  const at = trimmed.indexOf('=')
  if (at < 0) return keyed('has', trimmed)
  const value = trimmed.slice(at + 1)
  parseLabels({ [trimmed.slice(0, at)]: value })
  return { kind: 'is', key: trimmed.slice(0, at), value }
}

function keyed(kind: 'has' | 'lacks', key: string): Selector {
  demandKey(key)
  return { kind, key }
}

export function renderSelector(selector: Selector): string {
  switch (selector.kind) {
    case 'is':
      return `${selector.key}=${selector.value}`
    case 'has':
      return selector.key
    case 'lacks':
      return `!${selector.key}`
  }
}

export function fitsSelector(selector: Selector, labels: Labels): boolean {
  const has = Object.hasOwn(labels, selector.key)
  switch (selector.kind) {
    case 'is':
      return has && labels[selector.key] === selector.value
    case 'has':
      return has
    case 'lacks':
      return !has
  }
}

function wrong(text: string): Failure {
  return invalid('INVALID_FIELD', text, { field: 'labels' })
}
