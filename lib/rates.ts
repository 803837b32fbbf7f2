import { z } from 'zod'

/** Bytes a second; without end if not given. */
export const byteRate = z
  .string()
  .regex(/^[1-9]\d{3,14}$/, 'must be a count of bytes, 1000 or more')
  .transform(Number)
  .optional()
