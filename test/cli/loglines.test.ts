import { expect, test } from '@jest/globals'
import { logLines } from '../../cli/loglines.ts'

function printed(...parts: readonly (string | Uint8Array)[]): readonly string[] {
  const lines: string[] = []
  const log = logLines((line) => void lines.push(line))
  for (const part of parts) log.add(Buffer.from(part))
  log.end()
  return lines
}

test('lines are whole, wherever the parts of a log end, also within a character', () => {
  const bytes = Buffer.from('größer\nzwei\n')
  for (let at = 0; at <= bytes.length; at++) {
    expect(printed(bytes.subarray(0, at), bytes.subarray(at))).toEqual(['größer', 'zwei'])
  }
})

test('what has no end of its line is printed at the end', () => {
  expect(printed('one\ntw', 'o')).toEqual(['one', 'two'])
  expect(printed('one\n')).toEqual(['one'])
})

test('a terminal obeys nothing of a log', () => {
  expect(printed('a\u{1b}[2Jb\tc\r\n')).toEqual(['a [2Jb\tc'])
})

test('a line without an end takes no more memory than a long one', () => {
  expect(printed('x'.repeat(150_000)).length).toBeGreaterThan(1)
})
