import { z } from 'zod'
import type { BuilderName } from '../../lib/recipes/recipe.ts'
import type { Settings } from '../../lib/settings.ts'

const builders = ['mmdebstrap', 'dnf', 'command'] as const satisfies BuilderName[]
const rule = `must be some of ${builders.join(', ')}, with commas between`
const known = (word: string): word is BuilderName => builders.some((builder) => builder === word)

/** What an agent that builds can be told. */
export const builderSettings = {
  build: {
    about: 'build images with these: mmdebstrap, dnf, command; does not build if not given',
    value: 'BUILDER,...',
    schema: z
      .string()
      .default('')
      .transform((text) => [...new Set(text.split(',').map((word) => word.trim()))].filter(Boolean))
      .refine((words) => words.every(known), rule)
      .transform((words) => words.filter(known)),
  },
  builds: {
    about: 'how many images are built at a time; 1 if not given',
    value: 'COUNT',
    schema: z
      .string()
      .regex(/^[1-9]\d?$/, 'must be a count from 1 to 99')
      .default('1')
      .transform(Number),
  },
  buildDir: {
    about:
      'where images are built, in a folder of its own; in --data if not given. It needs as much room as recipes may use',
    value: 'DIR',
    schema: z.string().min(1, 'is empty').optional(),
  },
  buildReserve: {
    about: 'bytes of that disk that builds leave free; 1000000000 if not given',
    value: 'BYTES',
    schema: z
      .string()
      .regex(/^\d{1,15}$/, 'must be a count of bytes')
      .default('1000000000')
      .transform(Number),
  },
} satisfies Settings
