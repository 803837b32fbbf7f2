import { type Failure, invalid } from '../../lib/failure.ts'

const longest = 512
const longestPart = 255

// Control characters, those that change how others look, halves of characters, and what nobody has assigned.
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u
const allHidden = new RegExp(hidden, 'gu')

/** Why a name of a source is none that may be written anywhere; undefined for what is a plain relative path. */
export function nameFault(name: string): Failure | undefined {
  const why = whyNot(name)
  if (why === undefined) return undefined
  const text = `${harmless(name)} is refused as a name of a file, because it ${why}: rename it at its source`
  return invalid('INVALID_NAME', text, { name: harmless(name) })
}

function whyNot(name: string): string | undefined {
  const parts = name.split('/')
  if (name === '') return 'is empty'
  if (hidden.test(name)) return 'has characters that cannot be seen'
  if (name.length > longest || parts.some((part) => Buffer.byteLength(part) > longestPart)) {
    return `is longer than ${longest} characters, or ${longestPart} bytes between slashes`
  }
  if (name.startsWith('/') || name.includes('\\')) return 'begins at the root, or has a backslash'
  if (parts.some((part) => part === '..' || part === '.' || part === '')) {
    return 'leads elsewhere: a part of it is empty, . or ..'
  }
  return undefined
}

/** The text with everything written out that could do harm where it is shown or kept. */
export function harmless(text: string, most = 100): string {
  const shown = text.slice(0, most).replaceAll(allHidden, escapeOf)
  return text.length > most ? `${shown}…` : shown
}

function escapeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

/** The address of a file below a place; its name is taken as it is, so that `?` and `#` are letters of it. */
export function below(place: string, name: string): URL {
  const fault = nameFault(name)
  if (fault !== undefined) throw fault
  return address(place, name.split('/'))
}

/** The address of what an API has, one word after another, whatever is in them. */
export function address(place: string, words: readonly string[]): URL {
  if (!URL.canParse(place) || /[?#]/.test(place)) {
    const text = `"${harmless(place)}" is no address of a source: give one as https://images.example/folder`
    throw invalid('INVALID_FIELD', text, { field: 'url' })
  }
  if (words.some((word) => /^(\.|%2e){0,2}$/i.test(word))) {
    throw invalid('INVALID_FIELD', `"${harmless(words.join('/'))}" leads elsewhere.`)
  }
  return new URL([place.replace(/\/+$/, ''), ...words.map(encodeURIComponent)].join('/'))
}
