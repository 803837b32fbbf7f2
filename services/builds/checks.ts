import { invalid, type Failure } from '../../lib/failure.ts'
import { checkNames, unpassed, type CheckFound } from '../../lib/recipes/checks.ts'
import type { CheckName } from '../../lib/recipes/recipe.ts'
import { CheckKind, CheckOutcome, type CheckResult } from '../../proto/gen/merge/image/v1/image.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { CheckRow } from './queries.ts'

const kinds: Readonly<Record<CheckName, CheckKind>> = {
  boot: CheckKind.CHECK_KIND_BOOT,
  fsck: CheckKind.CHECK_KIND_FSCK,
  packages: CheckKind.CHECK_KIND_PACKAGES,
  hygiene: CheckKind.CHECK_KIND_HYGIENE,
}

const outcomes: Readonly<Record<CheckFound['outcome'], CheckOutcome>> = {
  passed: CheckOutcome.CHECK_OUTCOME_PASSED,
  failed: CheckOutcome.CHECK_OUTCOME_FAILED,
  skipped: CheckOutcome.CHECK_OUTCOME_SKIPPED,
}

const longestMessage = 4000

/** As the database has them. */
export function checkCodes(names: readonly CheckName[]): number[] {
  return names.map((name) => kinds[name])
}

export const everyCheck: readonly number[] = checkCodes(checkNames)

/** Whether this can be what the checks of an image came to: each kind once. */
export function parseChecks(results: readonly CheckResult[]): readonly CheckRow[] {
  const seen = new Set<number>()
  for (const { kind, outcome, message } of results) {
    if (nameOf(kind) === undefined) throw wrong('A check has a kind that nobody knows.')
    if (outcomeOf(outcome) === undefined) throw wrong('A check has an outcome that nobody knows.')
    if (seen.has(kind)) throw wrong(`The check ${nameOf(kind) ?? ''} is there twice.`)
    if (message.length > longestMessage) {
      throw wrong(`A check says ${longestMessage} characters at most.`)
    }
    seen.add(kind)
  }
  return results
}

/** The names of the checks that stand in the way of a release. */
export function unpassedOf(
  required: readonly number[],
  checks: readonly CheckRow[],
): readonly CheckName[] {
  const names = checkNames.filter((name) => required.includes(kinds[name]))
  const found = checks.flatMap(({ kind, outcome }): CheckFound[] => {
    const [name, what] = [nameOf(kind), outcomeOf(outcome)]
    return name === undefined || what === undefined ? [] : [{ name, outcome: what }]
  })
  return unpassed(names, found)
}

/** The same of an image that is there; none if no build made it. */
export async function unpassedOfImage(
  sql: Sql | Transaction,
  image: string,
): Promise<readonly CheckName[]> {
  const [row] = await sql<{ requiredChecks: number[]; checks: CheckRow[] | null }[]>`
    select required_checks, (
      select json_agg(json_build_object('kind', kind, 'outcome', outcome, 'message', ''))
      from build_check where build = build.name) as checks
    from image join build on build.name = image.build where image.name = ${image}`
  return row === undefined ? [] : unpassedOf(row.requiredChecks, row.checks ?? [])
}

function nameOf(code: number): CheckName | undefined {
  return checkNames.find((name) => kinds[name] === code)
}

function outcomeOf(code: number): CheckFound['outcome'] | undefined {
  return (['passed', 'failed', 'skipped'] as const).find((name) => outcomes[name] === code)
}

function wrong(message: string): Failure {
  return invalid('INVALID_FIELD', message, { field: 'checks' })
}
