import { sha256, type Digest } from '../content/digest.ts'
import { shapeOf } from './canonical.ts'
import type { Recipe } from './recipe.ts'

/** A package as it would be installed: its name, with the architecture where that is not the image's, and its version. */
export interface PackageVersion {
  readonly name: string
  readonly version: string
}

/**
 * The digest of what an image is made of: what of the recipe shapes it, and the packages with their versions, in whatever
 * order. `parent` is the digest of the image that it is made of, if there is one.
 */
export function inputsDigest(
  recipe: Recipe,
  packages: readonly PackageVersion[],
  parent = '',
): Digest {
  const lines = packages.map(({ name, version }) => `${name}\t${version}`).toSorted(byBytes)
  return sha256(Buffer.from([shapeOf(recipe), parent, ...lines].join('\n')))
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The image that the recipe made last, and what it was made of; undefined where nobody knows. */
export interface Former {
  readonly image: string
  readonly inputs: Digest | undefined
}

/** Whether there is something to make. */
export type Worth =
  | { readonly kind: 'build'; readonly reason: string }
  | { readonly kind: 'skip'; readonly reason: string; readonly image: string }

/** Whether a build is worth its while, by what it would be made of; undefined where nobody knows before it is made. */
export function worthBuilding(
  inputs: Digest | undefined,
  former: Former | undefined,
  wish: { readonly force: boolean; readonly unchanged: 'skip' | 'build' },
): Worth {
  if (former === undefined) return { kind: 'build', reason: 'there is no image of this recipe yet' }
  if (inputs === undefined || former.inputs === undefined) {
    return { kind: 'build', reason: `what ${former.image} was made of cannot be compared` }
  }
  if (inputs !== former.inputs) {
    return { kind: 'build', reason: `the inputs are not those of ${former.image}` }
  }
  if (wish.force) return { kind: 'build', reason: 'it was asked for, changed or not' }
  if (wish.unchanged === 'build') {
    return { kind: 'build', reason: 'the recipe wants it, changed or not' }
  }
  const reason = `the inputs are those of ${former.image}: there is nothing to make`
  return { kind: 'skip', reason, image: former.image }
}
