import type { Clock } from '../../lib/chunks/clock.ts'
import type { Patience } from '../../lib/chunks/attempts.ts'
import type { Failure } from '../../lib/failure.ts'
import type { Resolve } from './connecting.ts'
import type { Credentials } from './credentials.ts'

/** A file that a source offers. */
export interface Item {
  /** What a mapping reads: a path below the place, a tag, `product/version/item`; the same file has the same name again. */
  readonly name: string
  /** What changes when the bytes do: `sha256:…` where the place tells one, else what it has (ETag, time and size). */
  readonly version: string
  /** The SHA-256 of the bytes, in hex, where the place tells it; what comes is checked against it. */
  readonly sha256?: string
  readonly sizeBytes?: bigint
  readonly time?: Date
  /** What the place says of it beyond its name, to be used in a mapping: `release`, `arch`, `version`, … */
  readonly fields: Readonly<Record<string, string>>
  /** Why it cannot be had, where the list says so already: `open` throws this. Its name is written so that it does no harm. */
  readonly refused?: Failure
}

/** A place that was reached: what there is, and its bytes. */
export interface Origin extends AsyncDisposable {
  /** Everything there; throws a Failure that says what to do. Moves nothing but lists. */
  items(signal: AbortSignal): Promise<readonly Item[]>
  /** The bytes of an item, as they lie there; a Failure when they are not what the item says. */
  open(item: Item, signal: AbortSignal): AsyncGenerator<Buffer>
}

/** What the agent's owner settled for all sources, and what they need of the world. */
export interface OriginDeps {
  /** Absolute folders that sources of kind `directory` may look below. */
  readonly importFolders: readonly string[]
  /** Ranges of addresses that are inside, or speak without TLS, and may be asked all the same. */
  readonly insideAllowed: readonly string[]
  readonly credentials: Credentials
  /** Certificates in PEM that are trusted beside the usual ones. */
  readonly ca?: string | undefined
  /** No file may be longer. */
  readonly mostBytes: bigint
  readonly now: () => Date
  readonly clock: Pick<Clock, 'sleep'>
  /** From 0 to 1. */
  readonly random: () => number
  readonly patience?: Omit<Patience, 'random'>
  /** A connection on which nothing moves for so long is given up; half a minute if not given. */
  readonly stallMs?: number
  /** The machine's own if not given. */
  readonly resolve?: Resolve
}
