import type { Failure } from '../../lib/failure.ts'

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

/** What the agent's owner settled for all sources. */
export interface OriginDeps {
  /** Absolute folders that sources of kind `directory` may look below. */
  readonly importFolders: readonly string[]
}
