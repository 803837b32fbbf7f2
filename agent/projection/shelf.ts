/** Where images are laid out for others to read: a folder or a bucket. */
export interface Shelf {
  /** As people are told of it. */
  readonly place: string
  /** Where files are made ready; on the same disk where that is a folder. What a crash left there is gone. */
  readonly staging: string
  /** The file under a key; undefined where what lies there is no file. */
  pathOf(key: string): string | undefined
  /** What is staged and comes under no key, if it is there at all. */
  discard(staged: string): Promise<void>
  /** Puts a staged file under a key, whole, at once and durably, in place of what was there; says which one it is. */
  put(staged: string, key: string, signal: AbortSignal): Promise<string>
  /** The same with what lies under another key; undefined if that is gone. */
  copy(from: string, key: string, signal: AbortSignal): Promise<string | undefined>
  /** Which one lies there; undefined for none. */
  look(key: string, signal: AbortSignal): Promise<string | undefined>
  /** What is not there is none of its business. */
  remove(key: string, signal: AbortSignal): Promise<void>
}
