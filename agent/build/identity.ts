import type { Digest } from '../../lib/content/digest.ts'
import type { PackageVersion } from '../../lib/recipes/inputs.ts'

/** Who an image is and how it came to be, as far as is known while it is made. */
export interface Identity {
  readonly image: string
  readonly recipe: string
  readonly recipeVersion: number
  readonly recipeDigest: string
  readonly build: string
  readonly builder: string
  readonly startTime: Date
  /** When the tree was ready. */
  readonly treeTime: Date
  readonly inputs: Digest | undefined
  /** Of the log so far. */
  readonly log: Digest
  readonly parent: string
  /** Where it lists its packages; nowhere if empty. */
  readonly packages: string
}

/** Where an image says who it is. */
export const identityPath = '/etc/merge-image'
/** Where it lists its packages. */
export const packagesPath = '/usr/share/merge-image/packages'

/** The lines of `/etc/merge-image`, which a shell can read, as it can os-release. */
export function renderIdentity(identity: Identity): string {
  const lines: Readonly<Record<string, string>> = {
    IMAGE: identity.image,
    RECIPE: identity.recipe,
    RECIPE_VERSION: String(identity.recipeVersion),
    RECIPE_DIGEST: identity.recipeDigest,
    BUILD: identity.build,
    BUILDER: identity.builder,
    START_TIME: identity.startTime.toISOString(),
    TREE_TIME: identity.treeTime.toISOString(),
    INPUTS_DIGEST: identity.inputs === undefined ? '' : `sha256:${identity.inputs}`,
    LOG_DIGEST: `sha256:${identity.log}`,
    PARENT: identity.parent,
    PACKAGES: identity.packages,
  }
  return Object.entries(lines)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join('')
}

function quoted(value: string): string {
  return /^[\w.:/+-]*$/.test(value) ? value : `"${value.replaceAll(/["$`\\]/g, '\\$&')}"`
}

export function renderPackages(packages: readonly PackageVersion[]): string {
  return packages.map(({ name, version }) => `${name}\t${version}\n`).join('')
}

/** The day of an exact name, at midnight in UTC, in seconds: the time that an image's files have at most. */
export function epochOf(image: string, otherwise: Date): number {
  const [, year, month, day] = /-(\d{4})(\d\d)(\d\d)(?:\.\d+)?$/.exec(image) ?? []
  const time = Date.parse(`${year ?? ''}-${month ?? ''}-${day ?? ''}T00:00:00Z`)
  return Math.floor((Number.isNaN(time) ? otherwise.getTime() : time) / 1000)
}
