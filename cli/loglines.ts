import { StringDecoder } from 'node:string_decoder'

/** More than a line has that anybody reads. */
const longest = 64 * 1024

/** Makes whole lines of the parts of a log, which may end anywhere; a terminal obeys nothing in them. */
export function logLines(print: (line: string) => void) {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return {
    add(part: Uint8Array): void {
      const lines = (rest + decoder.write(Buffer.from(part))).split('\n')
      rest = lines.pop() ?? ''
      for (; rest.length > longest; rest = rest.slice(longest)) lines.push(rest.slice(0, longest))
      for (const line of lines) print(harmless(line))
    },
    /** What has no end of its line yet. */
    end(): void {
      rest += decoder.end()
      if (rest !== '') print(harmless(rest))
      rest = ''
    },
  }
}

function harmless(line: string): string {
  // eslint-disable-next-line no-control-regex -- these are what it takes out
  return line.replace(/\r+$/, '').replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, ' ')
}
