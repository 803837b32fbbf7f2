/** A file of a list of checksums. */
export interface Sum {
  readonly name: string
  /** `sha256:` or `sha512:` and hex. */
  readonly version: string
}

/**
 * Reads a list as sha256sum, sha512sum and their `--tag` write it; lines that are no checksum are left out, as Fedora has some.
 */
export function readSums(text: string): readonly Sum[] {
  return text.split(/\r?\n/).flatMap((line) => sumIn(line) ?? [])
}

const plain = /^(\\?)([0-9a-fA-F]{64}|[0-9a-fA-F]{128}) [ *](.+)$/
const tagged = /^(\\?)SHA(?:256|512) ?\((.+)\) ?= ([0-9a-fA-F]{64}|[0-9a-fA-F]{128})$/

function sumIn(line: string): Sum | undefined {
  const [, escaped, hex, name] = plain.exec(line) ?? swapped(tagged.exec(line))
  if (hex === undefined || name === undefined) return undefined
  const algorithm = hex.length === 64 ? 'sha256' : 'sha512'
  const shown = escaped === '' ? name : unescaped(name)
  return { name: shown.replace(/^\.\//, ''), version: `${algorithm}:${hex.toLowerCase()}` }
}

function swapped(found: RegExpExecArray | null): readonly (string | undefined)[] {
  return found === null ? [] : [found[0], found[1], found[3], found[2]]
}

/** A line that begins with a backslash has a name with some. */
function unescaped(name: string): string {
  return name.replaceAll(/\\([\\nr])/g, (_, letter: string) =>
    letter === 'n' ? '\n' : letter === 'r' ? '\r' : '\\',
  )
}
