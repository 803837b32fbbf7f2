import { z } from 'zod'
import { boots, kinds } from '../content/manifest.ts'
import { portableFormat, portableVersion, renderAbout } from './about.ts'

const digestText = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const text = z.string().max(4096)

const schema = z.strictObject({
  format: z.literal(portableFormat),
  version: z.literal(portableVersion),
  name: z.string().min(1).max(128),
  digest: digestText,
  displayName: text,
  state: z.enum(['candidate', 'released', 'deprecated', 'revoked']),
  createTime: text,
  creator: text,
  notes: text,
  parent: z.strictObject({ name: text, digest: digestText.or(z.literal('')) }).nullable(),
  artifacts: z
    .array(
      z.strictObject({
        kind: z.enum(kinds),
        boot: z.enum(boots),
        mediaType: text,
        sizeBytes: z.int().nonnegative(),
        sha256: digestText,
      }),
    )
    .max(64),
  provenance: z
    .strictObject({
      build: text,
      recipe: text,
      recipeVersion: z.int().nonnegative(),
      builder: text,
      inputsDigest: text,
      startTime: text,
      endTime: text,
      logDigest: text,
      link: text,
    })
    .nullable(),
  packages: z.array(z.strictObject({ name: text, version: text })).max(50_000),
})

/** What a portable image says of itself. Nothing of it is believed but what the digest pins. */
export type About = z.infer<typeof schema>

/** Reads what `renderAbout` writes; otherwise says what is wrong, or which other version it is. */
export function parseAbout(bytes: Uint8Array): About | { readonly wrong: string } {
  const document = readJson(bytes)
  const version = z.looseObject({ format: z.literal(portableFormat), version: z.int() })
  const head = version.safeParse(document)
  if (head.success && head.data.version !== portableVersion) {
    return { wrong: `version ${head.data.version} of the format is not known here` }
  }
  const parsed = schema.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return {
      wrong: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is not as it should be'}`,
    }
  }
  const same = renderAbout(parsed.data).equals(bytes)
  return same ? parsed.data : { wrong: 'it is not in its one spelling' }
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
