import { isAbsolute, normalize } from 'node:path'
import { z } from 'zod'
import type { Settings } from '../../lib/settings.ts'
import { size } from '../../lib/sizefields.ts'
import { flag, text } from '../../lib/upkeep.ts'
import { parseAllowed } from './address.ts'

/** What the agent's owner settles for all sources (docs/sources.md). */
export const guardSettings = {
  importCredentials: {
    about:
      'a file of what servers are told to let sources in, each by its own scheme, host and port',
    value: 'FILE',
    schema: text.optional(),
  },
  importCa: {
    about: "certificates (PEM) that vouch for sources' servers, beside the usual ones",
    value: 'FILE',
    schema: text.optional(),
  },
  importInside: {
    about:
      'addresses inside that sources may look at, with or without TLS: ranges with commas between; none if not given',
    value: 'CIDR,...',
    schema: z
      .string()
      .default('')
      .transform((list) => list.split(',').flatMap((range) => range.trim() || []))
      .refine(isRanges, 'must be ranges such as 10.1.2.0/24, with commas between'),
  },
  importMost: {
    about: 'the most that a file of a source may have; 128G if not given',
    value: 'SIZE',
    schema: size.default(128 * 1024 ** 3),
  },
} satisfies Settings

/** What an agent that imports can be told. */
export const importSettings = {
  import: {
    about: 'scan the sources of the facility, and import what they want',
    schema: flag,
  },
  imports: {
    about: 'how many images are imported at a time; 1 if not given',
    value: 'COUNT',
    schema: z
      .string()
      .regex(/^[1-9]\d?$/, 'must be a count from 1 to 99')
      .default('1')
      .transform(Number),
  },
  importFrom: {
    about: 'folders of this machine that sources may look below; none if not given',
    value: 'DIR,...',
    schema: z
      .string()
      .default('')
      .transform((list) =>
        list
          .split(',')
          .map((path) => path.trim())
          .filter(Boolean),
      )
      .refine((paths) => paths.every(isAbsolute), 'must be absolute paths, with commas between')
      .transform((paths) => paths.map(normalize)),
  },
  ...guardSettings,
} satisfies Settings

function isRanges(ranges: readonly string[]): boolean {
  try {
    parseAllowed(ranges)
    return true
  } catch {
    return false
  }
}
