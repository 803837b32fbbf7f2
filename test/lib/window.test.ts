import { expect, test } from '@jest/globals'
import { parseWindow, untilCloseMs, untilOpenMs, windowPattern } from '../../lib/window.ts'

const minutes = (ms: number): number => ms / 60_000
const at = (time: string): Date => new Date(`2026-11-24T${time}Z`)

test.each([
  ['22:00-06:00', '21:00', 60, undefined],
  ['22:00-06:00', '22:00', 0, 480],
  ['22:00-06:00', '23:30', 0, 390],
  ['22:00-06:00', '00:00', 0, 360],
  ['22:00-06:00', '05:59', 0, 1],
  ['22:00-06:00', '06:00', 960, undefined],
  ['09:15-09:45', '09:00', 15, undefined],
  ['09:15-09:45', '09:30', 0, 15],
  ['09:15-09:45', '09:45', 23 * 60 + 30, undefined],
  ['12:00-00:00', '23:59', 0, 1],
  ['12:00-00:00', '00:00', 720, undefined],
])('the window %s opens, at %s, in %d minutes, and closes in %d', (text, time, opens, closes) => {
  const window = parseWindow(text)
  expect(minutes(untilOpenMs(window, at(time)))).toBe(opens)
  if (closes !== undefined) expect(minutes(untilCloseMs(window, at(time)))).toBe(closes)
})

test('what is no window is told from one', () => {
  const texts = ['22:00-06:00', '24:00-06:00', '2:00-6:00', '22:00', '22:60-06:00', '22:00-06:00 ']
  expect(texts.map((text) => windowPattern.test(text))).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
  ])
})
