import { UsageError } from './usage.ts'

const powers = ['', 'K', 'M', 'G', 'T'] as const

/** Reads `200G`, `1T` or a count of bytes: powers of 1024, as disks are made. */
export function parseSize(flag: string, text: string, help: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,8})([KMGT]?)$/i.exec(text) ?? []
  const power = powers.findIndex((known) => known === unit.toUpperCase())
  const size = Number(count) * 1024 ** power
  if (count !== '' && Number.isSafeInteger(size)) return size
  throw new UsageError(`${flag} "${text}" is no size: write it as 200G`, help)
}
