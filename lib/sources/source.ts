import type { Container } from '../images/format.ts'
import type { Firmware, Limits } from '../recipes/recipe.ts'
import type { Pattern } from './pattern.ts'
import type { Place } from './place.ts'

/** Where images are found, and how what is found becomes images of lines. */
export interface Source {
  readonly place: Place
  /** Which items it is about, by their names. */
  readonly match: Pattern
  /** Which items are the kernel and the initramfs of such a disk, by their names; fields that `match` has are to be the same. */
  readonly kernel: Pattern | undefined
  readonly initramfs: Pattern | undefined
  /** The facility whose images they become; empty for the portal. */
  readonly namespace: string
  /** Distro, release with or without its point, role and architecture. */
  readonly line: Pattern
  /** The day that an image's name has; undefined for `{date}`, where an item has one, or else the day of the import. */
  readonly day: Pattern | undefined
  /** What tells which of a line is newer; undefined for the day, the time, the name. */
  readonly order: Pattern | undefined
  /** How many of each line to import. */
  readonly newest: number
  /** What the files are; their names say it otherwise. */
  readonly format: Container | undefined
  readonly boot: readonly Firmware[]
  /** The largest disk that one may unpack to. */
  readonly sizeBytes: number
  readonly schedule: ScanSchedule | undefined
  readonly notes: string
  readonly release: 'automatic' | 'by hand'
  readonly limits: Limits
}

/** When a source is scanned. */
export interface ScanSchedule {
  readonly cron: string
  readonly timeZone: string
  /** How many scans and imports fail in a row before it is paused. */
  readonly pauseAfter: number
}

/** A file that was found, as an agent told it. */
export interface Found {
  readonly name: string
  readonly version: string
  readonly sha256?: string
  readonly sizeBytes?: bigint
  readonly time?: Date
  readonly fields: Readonly<Record<string, string>>
  /** Why the agent would not fetch it. */
  readonly refused?: string
}

/** What may belong to a disk. */
export const partKinds = ['kernel', 'initramfs'] as const

export type PartKind = (typeof partKinds)[number]

/** An item that belongs to a disk. */
export interface Part {
  readonly kind: PartKind
  readonly item: Found
}

/** A source is text, and short. */
export const maxSourceBytes = 16 * 1024
