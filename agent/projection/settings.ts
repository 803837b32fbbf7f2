import { z } from 'zod'
import { bucketUrl, serverSettings } from '../../lib/chunks/given.ts'
import type { Settings } from '../../lib/settings.ts'
import { address, text } from '../../lib/upkeep.ts'
import { forms, isLayout, layoutRule, usualLayout } from './layout.ts'

/** Where the facility's imaging service looks for images. */
export const projectionSettings = {
  project: {
    about:
      'lay images out in this folder or s3://BUCKET/PREFIX for the imaging service (docs/projection.md); nowhere if not given',
    value: 'PLACE',
    schema: text
      .refine(
        (place) => !place.includes('://') || bucketUrl.safeParse(place).success,
        'must be a folder or s3://bucket/prefix',
      )
      .optional(),
  },
  projectLayout: {
    about: `where each file lies there, with {boot}, {name}, {file} and {suffix}; ${usualLayout} if not given`,
    value: 'TEMPLATE',
    schema: z.string().refine(isLayout, layoutRule).default(usualLayout),
  },
  projectAs: {
    about: 'how root file systems lie there: raw, zstd or qcow2; raw if not given',
    value: 'FORM',
    schema: z.enum(forms, `must be one of ${forms.join(', ')}`).default('raw'),
  },
  projectAliases: {
    about:
      'aliases that lie there under their own name too, with commas between, or `all`; none if not given',
    value: 'ALIASES',
    schema: z
      .string()
      .regex(/^[a-z0-9./-]+(,[a-z0-9./-]+)*$/, 'must be aliases with commas between, or all')
      .transform((list) => list.split(','))
      .optional(),
  },
  projectListen: {
    about:
      'where the folder is served over HTTP, to read only and to anybody; not at all if not given',
    value: 'HOST:PORT',
    schema: address.optional(),
  },
  ...serverSettings,
} satisfies Settings
