import { z } from 'zod'

const powers = ['', 'K', 'M', 'G', 'T'] as const

/** Bytes as people write them: `200G`, `1T` or a count; powers of 1024, as disks are made. */
export const size = z
  .string()
  .regex(/^[1-9]\d{0,8}[KMGT]?$/i, 'must be a size such as 200G or 1T')
  .transform((text) => {
    const [, count = '', unit = ''] = /^(\d+)(\D?)$/.exec(text) ?? []
    return Number(count) * 1024 ** powers.findIndex((power) => power === unit.toUpperCase())
  })

/** A share of something, from 1 to 100 percent. */
export const percent = z
  .string()
  .regex(/^(100|[1-9]\d?)%?$/, 'must be a share such as 90%')
  .transform((text) => parseInt(text, 10) / 100)
