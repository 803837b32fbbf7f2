import { z } from 'zod'
import { durationMs, durationPattern, durationRule } from './duration.ts'
import type { Settings } from './settings.ts'
import { rate } from './rates.ts'

export const text = z.string({ error: 'is missing' }).min(1, 'is missing')

/** Where a server answers, or is asked. */
export const address = z.string({ error: 'is missing' }).regex(/^.+:\d{1,5}$/, 'must be host:port')

export const flag = z
  .enum(['true', 'false', '1', '0', ''], 'is a switch: true or false')
  .default('false')
  .transform((value) => value === 'true' || value === '1')

/** Milliseconds, of a time as people write it. */
export const time = (usual: string) =>
  z.string().regex(durationPattern, durationRule).default(usual).transform(durationMs)

/** How a process looks after what it stores: the portal as well as an agent. */
export const upkeepSettings = {
  collectGrace: {
    about: 'how old a chunk is at least that is collected; 1h if not given',
    value: 'TIME',
    schema: time('1h'),
  },
  scrubEvery: {
    about: 'how often all chunks are read and looked at; 7d if not given, 0 for never',
    value: 'TIME',
    schema: time('7d'),
  },
  scrubRate: {
    about: 'bytes a second that this reads at most; 50000000 if not given',
    value: 'SIZE',
    schema: rate.default(50_000_000),
  },
} satisfies Settings

/** What every process can be told. */
export const processSettings = {
  tlsCert: {
    about: 'the certificate that says who this is, in PEM (docs/security.md)',
    value: 'FILE',
    schema: text.optional(),
  },
  tlsKey: { about: 'its key, in PEM', value: 'FILE', schema: text.optional() },
  tlsCa: {
    about: 'the certificate of the authority that is believed, in PEM',
    value: 'FILE',
    schema: text.optional(),
  },
  insecureDev: {
    about: 'DEVELOPMENT ONLY: no TLS, every caller is whoever it says it is',
    schema: flag,
  },
  logLevel: {
    about: 'info if not given',
    value: 'LEVEL',
    schema: z
      .enum(
        ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
        'must be trace … error or silent',
      )
      .default('info'),
  },
} satisfies Settings
