import { z } from 'zod'
import type { Settings } from '../settings.ts'

/** Where a process tells its figures. */
export const metricsSettings = {
  metrics: {
    about:
      'where Prometheus finds figures, over plain HTTP at /metrics, to anybody who reaches it; a port alone is one of 127.0.0.1; not at all if not given',
    value: '[HOST:]PORT',
    schema: z
      .string()
      .regex(/^(.+:)?\d{1,5}$/, 'must be a port, or host:port')
      .transform((address) => (address.includes(':') ? address : `127.0.0.1:${address}`))
      .optional(),
  },
} satisfies Settings
