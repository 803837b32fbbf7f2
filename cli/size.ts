import { invalid } from '../lib/failure.ts'

const powers = ['', 'K', 'M', 'G', 'T'] as const

/** Reads `200G`, `1T` or a count of bytes: powers of 1024, as disks are made. */
export function parseSize(flag: string, text: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,8})([KMGT]?)$/i.exec(text) ?? []
  const power = powers.findIndex((known) => known === unit.toUpperCase())
  const size = Number(count) * 1024 ** power
  if (count !== '' && Number.isSafeInteger(size)) return size
  throw invalid('INVALID_FIELD', `${flag} is a size such as 200G, not "${text}"`, { field: flag })
}
