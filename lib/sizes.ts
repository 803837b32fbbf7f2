const powers = ['', 'K', 'M', 'G', 'T'] as const

/** Bytes as people write them: `200G`, `1T` or a count; powers of 1024, as disks are made. Undefined where it is none. */
export function readSize(text: string): number | undefined {
  const [, count = '', unit = ''] = /^([1-9]\d{0,14})([KMGT]?)$/i.exec(text) ?? []
  const bytes = Number(count) * 1024 ** powers.findIndex((power) => power === unit.toUpperCase())
  return count !== '' && Number.isSafeInteger(bytes) ? bytes : undefined
}
