import { isDay, isMonth } from './day.ts'

/** The day an image was built, and which one of that day: 0 is the first. */
export interface Build {
  /** YYYYMMDD. */
  readonly day: string
  readonly serial: number
}

export function compareBuilds(a: Build, b: Build): number {
  return order(a.day, b.day) || a.serial - b.serial
}

/** `20260615`, `20260615.2`. */
export function renderBuild({ day, serial }: Build): string {
  return serial === 0 ? day : `${day}.${serial}`
}

/** A build to the precision in which a reference gives it: a month, a day, or one build. */
export interface WrittenBuild {
  /** YYYYMM or YYYYMMDD. */
  readonly digits: string
  readonly serial?: number
}

/** Whether a word has the shape of a build, be it a real day or not. */
export function isBuildShaped(word: string): boolean {
  return /^([0-9]{6}|[0-9]{8}(\.[0-9]{1,9})?)$/.test(word)
}

/** Reads a build; `legacy` where the day is written MMDDYYYY, as older names did. */
export function readBuild(word: string): { build: WrittenBuild; legacy: boolean } | undefined {
  if (!isBuildShaped(word)) return undefined
  if (word.length === 6) {
    return isMonth(word) ? { build: { digits: word }, legacy: false } : undefined
  }
  const [digits = '', serial] = word.split('.')
  if (isDay(digits)) {
    const build = serial === undefined ? { digits } : { digits, serial: Number(serial) }
    return { build, legacy: false }
  }
  const turned = digits.slice(4) + digits.slice(0, 4)
  const legacy = serial === undefined && isDay(turned)
  return legacy ? { build: { digits: turned }, legacy } : undefined
}

/** `202606`, `20260615`, `20260615.0`. */
export function renderWrittenBuild({ digits, serial }: WrittenBuild): string {
  return serial === undefined ? digits : `${digits}.${serial}`
}

/** Compares to the precision written, so that every day of a month equals that month. */
export function compareToWritten(build: Build, { digits, serial }: WrittenBuild): number {
  return (
    order(build.day.slice(0, digits.length), digits) ||
    (serial === undefined ? 0 : build.serial - serial)
  )
}

/** Digits of one length compare as text. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
