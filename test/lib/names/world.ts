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
    readonly storage?: Image['storage']
    readonly digest?: string
  }[]
  readonly aliases: readonly { readonly name: string; readonly image: string }[]
  readonly cases: readonly Case[]
}

/** Vectors, as a test needs them. */
export interface VectorSet {
  readonly now: Date
  readonly catalogue: Catalogue
  readonly images: readonly Image[]
  readonly aliases: readonly AliasRow[]
  readonly cases: readonly Case[]
}

type AliasRow = Vectors['aliases'][number]

function readVectors(path: string): VectorSet {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8')
  const vectors = JSON.parse(text) as Vectors
  const { distros, roles, default_arch } = vectors.catalogue
  return {
    now: new Date(vectors.as_of),
    aliases: vectors.aliases,
    cases: vectors.cases,
    images: vectors.images.map(({ name, held_back, ...rest }) =>
      anImage(name, { ...rest, heldBack: held_back ?? false }),
    ),
    catalogue: {
      defaultArch: archOf(default_arch) ?? 'x86',
      roles,
      distros: distros.map(({ releases, ...distro }) => ({
        ...distro,
        releases: releases.map(({ end_of_life, ...release }) => ({
          ...release,
          ...(end_of_life === undefined ? {} : { endOfLife: end_of_life }),
        })),
      })),
    },
  }
}

/** Those that every implementation must pass. */
const shared = readVectors('../../../../shared/vectors/names.json')

/** Those of this project, for what the shared ones leave out. */
const own = readVectors('../../vectors/names.json')

export const vectorSets = { shared, own }

export const { cases, now, catalogue, images, aliases } = shared

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

/** The world of the vectors, or one with other images or aliases. */
export function aWorld(
  rows: readonly Image[] = images,
  moves: readonly AliasRow[] = aliases,
  words: Catalogue = catalogue,
): World {
  const targets = new Map(moves.map(({ name, image }) => [name, image]))
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
