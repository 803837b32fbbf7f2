import { z } from 'zod'
import type { Settings } from '../../lib/settings.ts'
import { size } from '../../lib/sizefields.ts'
import { text } from '../../lib/upkeep.ts'
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

function isRanges(ranges: readonly string[]): boolean {
  try {
    parseAllowed(ranges)
    return true
  } catch {
    return false
  }
}
