import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Failure } from '../../../lib/failure.ts'
import { archOf, type Catalogue } from '../../../lib/names/catalogue.ts'
import { indexImages, type Image } from '../../../lib/names/images.ts'
import { parseImageName, renderAliasName, renderImageName } from '../../../lib/names/name.ts'
import { resolve, type Context, type World } from '../../../lib/names/resolve.ts'

/** A case of the vectors that every implementation must pass. */
export interface Case {
  readonly reference: string
  readonly context?: { readonly arch?: string }
  readonly image?: string
  readonly rule?: string
  readonly warnings?: readonly string[]
  readonly error?: string
  readonly suggests?: string
}

interface Vectors {
  readonly as_of: string
  readonly catalogue: {
    readonly default_arch: string
    readonly roles: readonly string[]
    readonly distros: readonly {
      readonly id: string
      readonly short: readonly string[]
      readonly display: string
      readonly releases: readonly {
        readonly release: string
        readonly official: string
        readonly codename?: string
        readonly display?: string
        readonly prerelease?: boolean
        readonly end_of_life?: string
      }[]
    }[]
  }
  readonly images: readonly {
    readonly name: string
    readonly state: Image['state']
    readonly held_back?: boolean
    readonly replacement?: string
  }[]
  readonly aliases: readonly { readonly name: string; readonly image: string }[]
  readonly cases: readonly Case[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../shared/vectors/names.json', import.meta.url), 'utf8'),
) as Vectors

export const { cases } = vectors

export const now = new Date(vectors.as_of)

export const catalogue: Catalogue = {
  defaultArch: archOf(vectors.catalogue.default_arch) ?? 'x86',
  roles: vectors.catalogue.roles,
  distros: vectors.catalogue.distros.map(({ releases, ...distro }) => ({
    ...distro,
    releases: releases.map(({ end_of_life, ...release }) => ({
      ...release,
      ...(end_of_life === undefined ? {} : { endOfLife: end_of_life }),
    })),
  })),
}

/** An image as the vectors have it: released and present unless said otherwise. */
export function anImage(name: string, changes: Partial<Image> = {}): Image {
  return {
    name: parseImageName(name),
    digest: createHash('sha256').update(name).digest('hex'),
    state: 'released',
    storage: 'present',
    heldBack: false,
    ...changes,
  }
}

export const images: readonly Image[] = vectors.images.map(({ name, held_back, ...rest }) =>
  anImage(name, { ...rest, heldBack: held_back ?? false }),
)

/** The world of the vectors, or one with other images or aliases. */
export function aWorld(
  rows: readonly Image[] = images,
  aliases: readonly { readonly name: string; readonly image: string }[] = vectors.aliases,
  words: Catalogue = catalogue,
): World {
  const targets = new Map(aliases.map(({ name, image }) => [name, image]))
  return {
    catalogue: words,
    images: indexImages(rows, words),
    alias: (alias) => targets.get(renderAliasName(alias)),
  }
}

/** The exact name that a reference resolves to in the world of the vectors. */
export function nameOf(
  reference: string,
  context: Partial<Context> = {},
  world = aWorld(),
): string {
  return renderImageName(resolve(world, reference, { now, ...context }).image.name)
}

/** The failure that a call ends with. */
export function failureOf(call: () => unknown): Failure {
  try {
    call()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it did not fail')
}
