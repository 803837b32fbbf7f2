import type { Blame } from './fault.ts'

export type Environment = Readonly<Record<string, string>>

/** A command, as data. */
export interface Command {
  readonly kind: 'run'
  /** What it does, in a few words, for who watches. */
  readonly title: string
  readonly argv: readonly string[]
  /** Beside what every command gets. */
  readonly environment?: Environment
  /** A file in the build's folder that it reads; nothing if not given. */
  readonly input?: string
  /** What it means if it fails. */
  readonly blame: Blame
}

/** A file to write, in the build's own folder. */
export interface Writing {
  readonly kind: 'write'
  readonly path: string
  readonly content: string
  /** Four octal digits. */
  readonly mode: string
}

export type Step = Command | Writing

/** Where things lie in the folder of one build. */
export interface Places {
  readonly folder: string
  /** The tree that becomes the root file system. */
  readonly root: string
  /** What steps read. */
  readonly inputs: string
  /** What a command works in, and leaves. */
  readonly output: string
  /** For whoever needs one. */
  readonly temporary: string
  readonly rootfs: string
  readonly log: string
}

export function placesIn(folder: string): Places {
  return {
    folder,
    root: `${folder}/root`,
    inputs: `${folder}/inputs`,
    output: `${folder}/output`,
    temporary: `${folder}/tmp`,
    rootfs: `${folder}/rootfs.raw`,
    log: `${folder}/log`,
  }
}
