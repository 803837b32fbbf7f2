import { z } from 'zod'
import { readSize } from './sizes.ts'

/** A size of something, as `readSize` takes it. */
export const size = z
  .string()
  .refine((text) => readSize(text) !== undefined, 'must be a size such as 200G or 1T')
  .transform((text) => readSize(text) ?? 0)

/** A share of something, from 1 to 100 percent. */
export const percent = z
  .string()
  .regex(/^(100|[1-9]\d?)%?$/, 'must be a share such as 90%')
  .transform((text) => parseInt(text, 10) / 100)
