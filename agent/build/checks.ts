import { isOver } from '../../lib/chunks/abort.ts'
import type { CheckName, Recipe } from '../../lib/recipes/recipe.ts'
import { CheckKind, CheckOutcome, type CheckResult } from '../../proto/gen/merge/image/v1/image.ts'
import type { Bench } from './bench.ts'
import { planBoot } from './boot.ts'
import { boot, type Booted, type Wanted } from './booting.ts'
import { imageOf } from './debugfs.ts'
import type { Contents } from './disk.ts'
import { Fault, fitting } from './fault.ts'
import { checkFilesystem } from './filesystem.ts'

/** What a check came to, in a word and in a sentence or more. */
export interface Verdict {
  readonly name: CheckName
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly message: string
}

/** What is to be checked. */
export interface Checked {
  readonly rootfs: string
  readonly format: 'raw' | 'qcow2'
  /** Whether it is an ext file system without a partition table. */
  readonly isFilesystem: boolean
  readonly kernel: string | undefined
  readonly initramfs: string | undefined
  readonly packages: number
  /** What is in the disk. */
  readonly contents: Contents
  readonly hygiene: Hygiene
}

/** What there is that must not be in two machines. */
export interface Hygiene {
  readonly unclean: readonly string[]
  /** What could not be looked into, a few words each. */
  readonly unread: readonly string[]
}

/** Looks at an image as its recipe wants it, which takes seconds. */
export async function look({ checks }: Recipe, image: Checked, bench: Bench): Promise<Verdict[]> {
  return [
    checks.packages ? packagesVerdict(image) : turnedOff('packages'),
    checks.hygiene ? hygieneVerdict(image) : turnedOff('hygiene'),
    checks.fsck ? await fsck(image, bench) : turnedOff('fsck'),
  ]
}

/** Boots an image as its recipe wants it; on an emulated processor only once the image is `stored`. */
export async function tryOut(
  recipe: Recipe,
  image: Checked,
  stored: Promise<void>,
  bench: Bench,
): Promise<Verdict> {
  const { boot: wanted } = recipe.checks
  return wanted === undefined ? turnedOff('boot') : boots(recipe, image, { wanted, stored }, bench)
}

export function resultOf({ name, outcome, message }: Verdict): CheckResult {
  return {
    kind: kinds[name],
    outcome: outcomes[outcome],
    message: fitting(message, 4000),
  }
}

const kinds: Readonly<Record<CheckName, CheckKind>> = {
  boot: CheckKind.CHECK_KIND_BOOT,
  fsck: CheckKind.CHECK_KIND_FSCK,
  packages: CheckKind.CHECK_KIND_PACKAGES,
  hygiene: CheckKind.CHECK_KIND_HYGIENE,
}

const outcomes: Readonly<Record<Verdict['outcome'], CheckOutcome>> = {
  passed: CheckOutcome.CHECK_OUTCOME_PASSED,
  failed: CheckOutcome.CHECK_OUTCOME_FAILED,
  skipped: CheckOutcome.CHECK_OUTCOME_SKIPPED,
}

function turnedOff(name: CheckName): Verdict {
  return { name, outcome: 'skipped', message: 'the recipe turns it off' }
}

function packagesVerdict({ packages }: Checked): Verdict {
  if (packages > 0) {
    return { name: 'packages', outcome: 'passed', message: `${packages} packages are listed` }
  }
  return { name: 'packages', outcome: 'failed', message: 'there is no list of packages' }
}

function hygieneVerdict({ hygiene: { unclean, unread } }: Checked): Verdict {
  if (unclean.length > 0) {
    return { name: 'hygiene', outcome: 'failed', message: unclean.join('\n') }
  }
  if (unread.length > 0) return { name: 'hygiene', outcome: 'skipped', message: notLooked(unread) }
  const message = 'there is nothing in it that must not be in two machines'
  return { name: 'hygiene', outcome: 'passed', message }
}

function notLooked(unread: readonly string[]): string {
  return `not all of it can be looked into: ${unread.join('; ')}`
}

/** Every ext file system in the disk; what fails says more than what could not be read. */
async function fsck({ contents }: Checked, bench: Bench): Promise<Verdict> {
  const { filesystems, unread } = contents
  const wrong: string[] = []
  if (filesystems.length > 0) bench.tell({ step: 'checking the file system' })
  for (const filesystem of filesystems) {
    try {
      await bench.carryOut([checkFilesystem(imageOf(filesystem, bench.places))])
    } catch (error) {
      if (isOver(bench.signal) || !(error instanceof Fault) || error.blame !== 'OUTPUT') throw error
      wrong.push(`${filesystem.name}: ${error.message}`)
    }
  }
  if (wrong.length > 0) return { name: 'fsck', outcome: 'failed', message: wrong.join('\n') }
  if (unread.length > 0) return { name: 'fsck', outcome: 'skipped', message: notLooked(unread) }
  return { name: 'fsck', outcome: 'passed', message: 'e2fsck finds nothing wrong' }
}

async function boots(
  { line: { arch }, boot: firmware }: Recipe,
  image: Checked,
  { wanted, stored }: { readonly wanted: Wanted; readonly stored: Promise<void> },
  bench: Bench,
): Promise<Verdict> {
  const { starts, untried } = planBoot({ ...image, arch }, firmware, bench.machine)
  const booted: Booted[] = []
  for (const start of starts) {
    const { rootfs, format } = image
    const wish = { arch, rootfs, format, start, temporary: bench.places.temporary }
    const { end, message } = await boot(wish, wanted, stored, bench)
    booted.push({ end, message: `${start.by}: ${message}` })
    if (end !== 'up') break
  }
  return bootVerdict(booted, untried)
}

/** Every start that was tried has to bring it up; what was not tried is told. */
export function bootVerdict(booted: readonly Booted[], untried: readonly string[]): Verdict {
  const failed = booted.some(({ end }) => end !== 'up')
  const outcome = failed ? 'failed' : booted.length > 0 ? 'passed' : 'skipped'
  const message = [...booted.map((one) => one.message), ...untried].join('\n')
  return { name: 'boot', outcome, message }
}
