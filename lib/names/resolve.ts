import { missing } from '../failure.ts'
import type { Catalogue } from './catalogue.ts'
import { filledIn, type Filled, type Surroundings } from './defaults.ts'
import type { Context as Circumstances } from './eligibility.ts'
import { imageNamed, type Image, type ImageIndex } from './images.ts'
import { readImageName, renderAliasName, type AliasName } from './name.ts'
import { noImage, noMatch } from './nothing.ts'
import { parseReference, type Reference, type Words } from './reference.ts'
import { newest, select } from './selection.ts'
import { usable, warningsAbout } from './usable.ts'
import type { Warning } from './warning.ts'

/** What is true when a reference is resolved. */
export interface World {
  readonly catalogue: Catalogue
  readonly images: ImageIndex
  /** The exact name of the image that an alias points to. */
  readonly alias: (alias: AliasName) => string | undefined
}

/** For whom a reference is resolved. */
export interface Context extends Circumstances, Surroundings {
  readonly mayUseRevoked?: boolean
}

export interface Resolution {
  readonly image: Image
  readonly rule: Reference['kind']
  readonly defaults: readonly Filled[]
  readonly warnings: readonly Warning[]
}

/** The one image that a reference means, or the Failure that says why there is none. */
export function resolve(world: World, text: string, context: Context): Resolution {
  const reference = parseReference(text, wordsOf(world))
  const { image, defaults } = find(world, text, reference, context)
  const warnings = [...reference.warnings, ...warningsAbout(image, world.catalogue, context)]
  return { image, rule: reference.kind, defaults, warnings }
}

/** The words by which references to images of this world are read. */
export function wordsOf({ catalogue, images, alias }: World): Words {
  return {
    catalogue,
    roles: (namespace) => images.roles.get(namespace) ?? new Set(),
    hasAlias: (name) => alias(name) !== undefined,
  }
}

interface Found {
  readonly image: Image
  readonly defaults: readonly Filled[]
}

function find(world: World, text: string, reference: Reference, context: Context): Found {
  switch (reference.kind) {
    case 'exact': {
      const image = imageNamed(world.images, reference.name)
      if (image === undefined) throw noImage(reference.name, world)
      return { image: usable(image, world.images, context, reference.sha256), defaults: [] }
    }
    case 'alias': {
      const image = pointedTo(world, reference.alias)
      return { image: usable(image, world.images, context), defaults: [] }
    }
    case 'partial':
    case 'constraint': {
      const selection = select(reference, world, context)
      const image = newest(selection)
      if (image === undefined) throw noMatch(text, selection)
      return { image, defaults: filledIn(selection.clauses, selection.assumed, image.name) }
    }
  }
}

function pointedTo({ alias, images }: World, name: AliasName): Image {
  const target = alias(name) ?? ''
  const exact = readImageName(target)
  const image = exact === undefined ? undefined : imageNamed(images, exact)
  if (image !== undefined) return image
  throw missing('NOT_FOUND', `"${renderAliasName(name)}" points to ${target}, which is not there`)
}
