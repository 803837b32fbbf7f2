import { z } from 'zod'
import { boots, kinds, type Manifest } from '../content/manifest.ts'
import { ImageState, type Image, type Provenance } from '../../proto/gen/merge/image/v1/image.ts'
import type { Package } from '../../proto/gen/merge/image/v1/upload.ts'

// The member image.json; docs/format.md is the specification.

export const portableFormat = 'merge-image'
export const portableVersion = 1

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

/** The one spelling of it. */
export function renderAbout(about: About): Buffer {
  return Buffer.from(`${JSON.stringify(about, null, 1)}\n`)
}

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

/** What is to be said of an image. */
export function aboutOf(image: Image, { manifest, parentDigest, packages }: Known): About {
  const { name, digest, displayName, createTime, creator, notes, parent, provenance } = image
  return {
    format: portableFormat,
    version: portableVersion,
    ...{ name, digest, displayName },
    state: stateOf(image),
    createTime: createTime?.toISOString() ?? '',
    ...{ creator, notes },
    parent: parent === '' ? null : { name: parent, digest: parentDigest },
    artifacts: manifest.artifacts.map(({ kind, boot, mediaType, sizeBytes, sha256 }) => {
      return { kind, boot, mediaType, sizeBytes, sha256: `sha256:${sha256}` }
    }),
    provenance: provenance === undefined ? null : provenanceOf(provenance),
    packages: packages.map(({ name, version }) => ({ name, version })),
  }
}

/** What is known of an image beside it. */
export interface Known {
  readonly manifest: Manifest
  /** `sha256:<hex>` of the image that it was made of; empty where that is not known. */
  readonly parentDigest: string
  readonly packages: readonly Package[]
}

function stateOf({ state }: Image): About['state'] {
  switch (state) {
    case ImageState.IMAGE_STATE_RELEASED:
      return 'released'
    case ImageState.IMAGE_STATE_DEPRECATED:
      return 'deprecated'
    case ImageState.IMAGE_STATE_REVOKED:
      return 'revoked'
    case ImageState.IMAGE_STATE_CANDIDATE:
    case ImageState.IMAGE_STATE_UNSPECIFIED:
    case ImageState.UNRECOGNIZED:
      return 'candidate'
  }
}

function provenanceOf(made: Provenance): NonNullable<About['provenance']> {
  const { build, recipe, recipeVersion, builder, inputsDigest, logDigest, link } = made
  return {
    ...{ build, recipe, recipeVersion, builder, inputsDigest },
    startTime: made.startTime?.toISOString() ?? '',
    endTime: made.endTime?.toISOString() ?? '',
    ...{ logDigest, link },
  }
}
