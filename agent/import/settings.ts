import { isAbsolute, normalize } from 'node:path'
import { z } from 'zod'
import type { Settings } from '../../lib/settings.ts'
import { flag } from '../../lib/upkeep.ts'
import { guardSettings } from './guarding.ts'

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
      .transform((text) =>
        text
          .split(',')
          .map((path) => path.trim())
          .filter(Boolean),
      )
      .refine((paths) => paths.every(isAbsolute), 'must be absolute paths, with commas between')
      .transform((paths) => paths.map(normalize)),
  },
  ...guardSettings,
} satisfies Settings
