import { CheckKind, CheckOutcome, type CheckResult } from '../proto/gen/merge/image/v1/image.ts'
import type { Paint } from './command.ts'
import { coloured, table } from './table.ts'
import { plain } from './units.ts'
import { word } from './words.ts'

/** What the checks of an image came to, a row each. */
export function checkTable(paint: Paint, checks: readonly CheckResult[]): string {
  const rows = checks.map(({ kind, outcome, message }) => [
    word(CheckKind, kind),
    coloured(paint, word(CheckOutcome, outcome)),
    plain(message),
  ])
  return table(paint, ['Check', 'Outcome', 'What was found'], rows)
}

/** Whether there is one that did not pass. */
export function areUnpassed(checks: readonly CheckResult[]): boolean {
  return checks.some(({ outcome }) => outcome !== CheckOutcome.CHECK_OUTCOME_PASSED)
}
