import type { Labels } from '../labels.ts'
import type { Line } from '../names/name.ts'

/** How the images of one line are built. */
export type Recipe = Common & (DebianBuild | FedoraBuild | CommandBuild)

interface Common {
  readonly line: Line
  readonly point: number
  /** The size of the root file system. */
  readonly sizeBytes: number
  /** The firmware that it must boot with, each once. */
  readonly boot: readonly Firmware[]
  readonly files: readonly RecipeFile[]
  readonly schedule: Schedule | undefined
  readonly notes: string
  /** Of the images; undefined where there are none. */
  readonly labels: Labels | undefined
  readonly checks: Checks
  readonly release: 'automatic' | 'by hand'
  readonly limits: Limits
  /** A reference to the image that it is made of; which one that is, is looked up with each build. */
  readonly parent: string | undefined
}

export interface DebianBuild extends Packaged {
  readonly builder: 'mmdebstrap'
  /** The first one is the release's own. */
  readonly suites: readonly string[]
  readonly components: readonly string[]
  /** Empty for those that mmdebstrap knows. */
  readonly mirrors: readonly string[]
  readonly variant: string
}

export interface FedoraBuild extends Packaged {
  readonly builder: 'dnf'
  readonly repositories: readonly Repository[]
}

export interface CommandBuild {
  readonly builder: 'command'
  /** For `sh -e`, in a folder of its own, where it leaves `rootfs`, and maybe `kernel`, `initramfs` and `packages`. */
  readonly command: string
}

interface Packaged {
  /** In the order of the text, each once. */
  readonly packages: readonly string[]
  /** A file on the builder that vouches for the packages; undefined for what it knows. */
  readonly keyring: string | undefined
  /** Run in the root file system, one after another. */
  readonly scripts: readonly Script[]
}

export type BuilderName = Recipe['builder']
export type Firmware = 'bios' | 'efi'

export interface Repository {
  readonly name: string
  readonly url: string
}

export interface RecipeFile {
  /** Absolute, in the root file system; in the folder, for a command. */
  readonly path: string
  readonly content: string
  /** As chmod reads it: four octal digits. */
  readonly mode: string
}

export interface Script {
  readonly name: string
  /** For `sh -e`. */
  readonly run: string
}

export interface Schedule {
  /** Five fields. */
  readonly cron: string
  readonly timeZone: string
  /** How many builds fail in a row before it is paused. */
  readonly pauseAfter: number
  /** What to do when the inputs are those of the image that is there. */
  readonly unchanged: 'skip' | 'build'
}

/** Which checks an image needs to be released. */
export interface Checks {
  /** What the serial line says once it is up, and within what time; undefined where it is not checked. */
  readonly boot: { readonly marker: string; readonly withinMs: number } | undefined
  readonly fsck: boolean
  readonly packages: boolean
  readonly hygiene: boolean
}

export type CheckName = keyof Checks

/** What a build may use. */
export interface Limits {
  readonly timeMs: number
  readonly diskBytes: number
  readonly logBytes: number
  /** How often it is begun when builders go away. */
  readonly attempts: number
}

/** A recipe is text, and one message. */
export const maxRecipeBytes = 256 * 1024

/** `[facility/]name` of a recipe, taken apart. */
export interface RecipeName {
  readonly namespace: string
  readonly name: string
}
