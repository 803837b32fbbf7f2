import type { ImageName } from '../names/name.ts'

/** An image as retention looks at it. */
export interface Kept {
  /** The exact name, as text and read. */
  readonly name: string
  readonly parsed: ImageName
  readonly state: 'candidate' | 'released' | 'deprecated' | 'revoked'
  readonly storage: 'present' | 'archived' | 'expired'
  readonly heldBack: boolean
  readonly published: Date
  /** When a facility used it last; undefined for never. */
  readonly used: Date | undefined
  /** Of a facility's own image, when its time is over. */
  readonly expires: Date | undefined
  /** What it takes where it is, each of its chunks counted. */
  readonly storedBytes: number
  readonly parent: string | undefined
}

export type NeedKind = 'hold' | 'alias' | 'facility' | 'transfer' | 'build' | 'line' | 'descendant'

/** Something that needs an image: it stays, whatever a policy says. */
export interface Need {
  readonly kind: NeedKind
  /** A hold's id, an alias, a facility, a build, a line, an image. */
  readonly name: string
  /** The same as a sentence without its full stop. */
  readonly message: string
  /** Until when, where that is known. */
  readonly until: Date | undefined
}

/** All that a plan depends on. */
export interface World {
  readonly now: Date
  readonly images: readonly Kept[]
  /** What needs which image, as far as it is not seen from the images themselves. */
  readonly needs: ReadonlyMap<string, readonly Need[]>
}
