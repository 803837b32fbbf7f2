import type { Clock } from '../../lib/chunks/clock.ts'
import type { Digest } from '../../lib/content/digest.ts'
import type { InputFile } from '../../lib/images/input.ts'
import type { Former, PackageVersion } from '../../lib/recipes/inputs.ts'
import type { Recipe } from '../../lib/recipes/recipe.ts'
import type { Verdict } from './checks.ts'
import type { Stage } from './holding.ts'
import type { Journal } from './journal.ts'
import type { Machine } from './machine.ts'
import type { Environment, Places, Step } from './plan.ts'
import type { Listener } from './running.ts'

/** A build as it was claimed, read. */
export interface Job {
  readonly build: string
  /** The exact name of what it makes. */
  readonly image: string
  /** What it makes, for BeginUpload. */
  readonly target: string
  readonly recipe: Recipe
  readonly recipeName: string
  readonly recipeVersion: number
  readonly recipeDigest: string
  readonly former: Former | undefined
  readonly force: boolean
  readonly parent: Parent | undefined
  readonly startTime: Date
}

/** The image that one is made of. */
export interface Parent {
  readonly name: string
  readonly digest: string
}

/** What a build works with. */
export interface Bench {
  readonly places: Places
  readonly machine: Machine
  /** Who builds, as provenance says it. */
  readonly builder: string
  /** Where downloaded packages are kept for the next build. */
  readonly cache: string
  readonly environment: Environment
  readonly journal: Journal
  readonly clock: Clock
  readonly now: () => Date
  readonly tell: (stage: Stage) => void
  /** Carries steps out; what they say goes to the journal unless somebody else listens. */
  readonly carryOut: (
    steps: readonly Step[],
    listen?: Listener,
    signal?: AbortSignal,
  ) => Promise<void>
  readonly signal: AbortSignal
}

/** What a build came to. */
export type Outcome =
  | { readonly kind: 'made'; readonly product: Product }
  | { readonly kind: 'skipped'; readonly image: string; readonly inputs: Digest }

/** An image that waits to be published. */
export interface Product {
  readonly files: readonly InputFile[]
  readonly packages: readonly PackageVersion[]
  readonly inputs: Digest | undefined
  /** Looks whether it is as its recipe wants it, and says so in the log too. */
  readonly look: (signal: AbortSignal) => Promise<readonly Verdict[]>
  /** Boots it, after that; where this takes long, only once its bytes are stored. */
  readonly tryOut: (stored: Promise<void>, signal: AbortSignal) => Promise<Verdict>
}
