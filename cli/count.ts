import { UsageError } from './usage.ts'

/** Reads how many, from 1 to the most that there can be. */
export function parseCount(flag: string, text: string, most: number, help: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= most) return count
  throw new UsageError(`${flag} "${text}" is no number from 1 to ${most}`, help)
}

/** Reads which version: they count from 1. */
export function parseVersion(text: string, help: string): number {
  return parseCount('--version', text, 999_999_999, help)
}
