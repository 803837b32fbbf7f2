/** The last of what somebody says. */
export interface Tail {
  add(part: Uint8Array): void
  /** Its last lines, without what a terminal would obey. */
  text(): string
  /** Whether it has said this lately. */
  has(words: string): boolean
}

const longest = 64 * 1024
const mostLines = 30

/** Remembers the last of what it is told. */
export function makeTail(lines = mostLines): Tail {
  let last = Buffer.alloc(0)
  return {
    add: (part) => {
      last = Buffer.concat([last, part])
      if (last.length > 2 * longest) last = last.subarray(last.length - longest)
    },
    text: () => plainLines(last.subarray(-longest).toString()).slice(-lines).join('\n'),
    has: (words) => last.includes(words),
  }
}

/** Lines as they would stand on a screen in the end: colours and cursors taken out, what was written over is gone. */
function plainLines(text: string): string[] {
  // eslint-disable-next-line no-control-regex -- these are what it takes out
  const coloured = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g
  // eslint-disable-next-line no-control-regex -- these too; a text in a database has no NUL
  const unprintable = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g
  return text
    .replaceAll(coloured, '')
    .replaceAll(unprintable, ' ')
    .split(/\r*\n/)
    .map((line) => line.slice(line.lastIndexOf('\r') + 1).trimEnd())
    .filter((line) => line !== '')
}
