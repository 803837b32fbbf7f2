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

const berlin = (text: string) => parseWindow(text, 'Europe/Berlin')

test.each([
  ['in winter', '22:00-06:00', '2026-01-15T20:00Z', 60, undefined],
  ['in summer', '22:00-06:00', '2026-07-15T20:00Z', 0, 480],
  ['over the night when clocks are set forward', '22:00-06:00', '2026-03-28T21:00Z', 0, 420],
  ['over the night when they are set back', '22:00-06:00', '2026-10-24T20:00Z', 0, 540],
  ['after a night that is an hour shorter', '09:00-10:00', '2026-03-28T22:00Z', 540, undefined],
  // 02:30 is not on that day: the hour after 02:00 is passed by.
  ['when its beginning is passed by', '02:30-04:00', '2026-03-29T00:15Z', 45, undefined],
  ['when its end is passed by', '01:00-02:30', '2026-03-29T00:15Z', 0, 45],
])('a window of a time zone holds %s', (_, text, time, opens, closes) => {
  const now = new Date(time)
  expect(minutes(untilOpenMs(berlin(text), now))).toBe(opens)
  if (closes !== undefined) expect(minutes(untilCloseMs(berlin(text), now))).toBe(closes)
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
