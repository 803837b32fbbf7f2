import { readSize } from '../lib/sizes.ts'
import { UsageError } from './usage.ts'

/** Reads `200G`, `1T` or a count of bytes: powers of 1024, as disks are made. */
export function parseSize(flag: string, text: string, help: string): number {
  const size = readSize(text)
  if (size !== undefined) return size
  throw new UsageError(`${flag} "${text}" is no size: write it as 200G`, help)
}
