import { expect, test } from '@jest/globals'
import { barLine, lines, paced, plainLine } from '../../cli/progress.ts'

const half = { label: 'pulling', doneBytes: 50e6, totalBytes: 100e6, detail: 'peers 20 MB' }

test('a bar shows share, amount, rate, time left and where it came from', () => {
  expect(barLine(half, 10e6, 200)).toBe(
    `pulling  ${'━'.repeat(15)}${'─'.repeat(15)}  50 %, 50.0 MB of 100 MB, 10.0 MB/s, 5.0 s left  peers 20 MB`,
  )
})

test.each([40, 60, 80, 100])('a bar fits %s columns', (width) => {
  expect(barLine(half, 10e6, width).length).toBeLessThan(width)
})

test('what has no known total has no share', () => {
  expect(plainLine({ ...half, totalBytes: 0, detail: '' }, 0)).toBe('pulling: 50.0 MB')
})

test('the pace is that of the last seconds', () => {
  let at = 0
  const pace = paced(() => at)
  expect(pace(0)).toBe(0)
  at = 1_000
  expect(pace(1_000)).toBe(1_000)
  at = 10_000
  pace(1_000)
  at = 11_000
  expect(pace(6_000)).toBe(5_000)
})

test('where nothing can be redrawn there is a line every three seconds', () => {
  let at = 0
  const said: string[] = []
  using meter = lines(
    (line) => void said.push(line),
    () => at,
  )
  for (at = 0; at <= 7_000; at += 100) meter.show(half)
  expect(said).toHaveLength(2)
  expect(said[0]).toContain('pulling: 50 %, 50.0 MB of 100 MB')
})
