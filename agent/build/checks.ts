import { isOver } from '../../lib/chunks/abort.ts'
import type { CheckName, Recipe } from '../../lib/recipes/recipe.ts'
import { CheckKind, CheckOutcome, type CheckResult } from '../../proto/gen/merge/image/v1/image.ts'
import type { Bench } from './bench.ts'
import { type Acceleration, bootImage, type BootWish, whyNotBooted } from './boot.ts'
import { imageOf } from './debugfs.ts'
import type { Contents } from './disk.ts'
import { Fault, fitting } from './fault.ts'
import { checkFilesystem } from './filesystem.ts'
import { makeTail, type Tail } from './tail.ts'

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

/** Looks at an image as its recipe wants it; the quick checks come first. */
export async function check(recipe: Recipe, image: Checked, bench: Bench): Promise<Verdict[]> {
  const { checks } = recipe
  return [
    checks.packages ? packagesVerdict(image) : turnedOff('packages'),
    checks.hygiene ? hygieneVerdict(image) : turnedOff('hygiene'),
    checks.fsck ? await fsck(image, bench) : turnedOff('fsck'),
    checks.boot === undefined ? turnedOff('boot') : await boot(recipe, image, checks.boot, bench),
  ]
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

async function boot(
  { line: { arch }, boot: firmware }: Recipe,
  image: Checked,
  wanted: { readonly marker: string; readonly withinMs: number },
  bench: Bench,
): Promise<Verdict> {
  const wish = { ...image, arch, temporary: bench.places.temporary }
  const whyNot = whyNotBooted(wish, firmware, bench.machine, image.isFilesystem)
  if (whyNot !== undefined) return { name: 'boot', outcome: 'skipped', message: whyNot }
  const { kvm } = bench.machine
  if (kvm.isUsable) {
    const first = await bootOnce(wish, 'kvm', wanted, bench)
    if (first.end === 'up') return { name: 'boot', outcome: 'passed', message: first.message }
    if (first.end === 'unusable') kvm.isUsable = false
    bench.journal.say(`booting with kvm: ${first.message}`)
  }
  const { end, message } = await bootOnce(wish, 'tcg', wanted, bench)
  return { name: 'boot', outcome: end === 'up' ? 'passed' : 'failed', message }
}

interface Booted {
  /** Up, or why not: it stopped, it took too long, or this processor cannot do it. */
  readonly end: 'up' | 'stopped' | 'late' | 'unusable'
  readonly message: string
}

/** What qemu says where it is a guest itself, of a host that promises more than it does. */
const brokenKvm = ['KVM internal error', 'KVM: entry failed', 'failed to initialize kvm']

/** A processor that works says something long before this. */
const silentMs = 15_000

async function bootOnce(
  wish: BootWish,
  way: Acceleration,
  { marker, withinMs }: { readonly marker: string; readonly withinMs: number },
  bench: Bench,
): Promise<Booted> {
  const { clock, carryOut } = bench
  const began = clock.now()
  const stop = new AbortController()
  const serial = makeTail()
  const signal = AbortSignal.any([bench.signal, stop.signal])
  const after = (ms: number, end: Booted['end'], still: () => boolean = () => true) =>
    clock.sleep(ms, signal).then(
      () => {
        if (still()) stop.abort(end)
      },
      () => undefined,
    )
  const timers = [after(withinMs, 'late')]
  if (way === 'kvm') timers.push(after(silentMs, 'unusable', () => serial.text() === ''))
  const listen = (part: Buffer): void => {
    serial.add(part)
    if (serial.has(marker)) stop.abort('up')
    else if (brokenKvm.some((words) => serial.has(words))) stop.abort('unusable')
  }
  try {
    await carryOut([bootImage(wish, way)], listen, signal)
  } catch (error) {
    if (isOver(bench.signal)) throw error
    if (!isOver(stop.signal) && !(error instanceof Fault && error.blame === 'OUTPUT')) throw error
  }
  const end = isOver(stop.signal) ? (stop.signal.reason as Booted['end']) : 'stopped'
  stop.abort(end)
  await Promise.all(timers)
  return { end, message: tellBoot(end, clock.now() - began, way, marker, serial) }
}

const ends: Readonly<Record<Booted['end'], string>> = {
  up: 'It is up',
  stopped: 'The machine stopped',
  late: 'The time is over',
  unusable: 'The processor cannot do it: given up',
}

function tellBoot(
  end: Booted['end'],
  ms: number,
  way: Acceleration,
  marker: string,
  serial: Tail,
): string {
  const took = `${ends[end]} after ${(ms / 1000).toFixed(1)} s (${way})`
  if (end === 'up') return `${took}: "${marker}"`
  return `${took}, without "${marker}" on the serial line. The last it said:\n${serial.text()}`
}
