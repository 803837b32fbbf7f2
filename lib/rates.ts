import { z } from 'zod'
import { readSize } from './sizes.ts'

const leastRate = 1000

/** Bytes a second. */
export const rate = z
  .string()
  .refine(
    (text) => (readSize(text) ?? 0) >= leastRate,
    `must be ${leastRate} bytes a second or more, such as 50M`,
  )
  .transform((text) => readSize(text) ?? leastRate)

/** Bytes a second; without end if not given. */
export const byteRate = rate.optional()
