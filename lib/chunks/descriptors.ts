import type { ReadHandle } from './files.ts'

/** Files kept open for reading, so that a range does not cost an open and a close. */
export interface Descriptors {
  /** Runs `act` on the open file; the file stays open meanwhile, whatever else is dropped. */
  use<T>(file: string, act: (handle: ReadHandle) => Promise<T>): Promise<T>
  /** Forgets the file; it is closed once its last user is done. */
  drop(file: string): void
  close(): Promise<void>
}

/** Keeps the `limit` most recently used files open. */
export function descriptors(open: (file: string) => Promise<ReadHandle>, limit = 32): Descriptors {
  const held = new Map<string, Held>()
  const drop = (file: string): Promise<void> => {
    const dropped = held.get(file)
    held.delete(file)
    return dropped === undefined ? Promise.resolve() : release(dropped)
  }
  const take = (file: string): Held => {
    const taken = held.get(file) ?? { handle: open(file), users: 1 }
    held.delete(file)
    held.set(file, taken)
    const [oldest] = held.keys()
    if (held.size > limit && oldest !== undefined) void drop(oldest)
    return taken
  }
  return {
    async use(file, act) {
      const taken = take(file)
      taken.users++
      try {
        return await act(await taken.handle)
      } catch (error) {
        if (held.get(file) === taken) void drop(file)
        throw error
      } finally {
        await release(taken)
      }
    },
    drop: (file) => void drop(file),
    async close() {
      await Promise.all([...held.keys()].map(drop))
    },
  }
}

interface Held {
  readonly handle: Promise<ReadHandle>
  /** Those at work with it, and one for being held. */
  users: number
}

/** A file that could not be opened has nothing to close, and a failed close loses nothing: it was only read. */
async function release(held: Held): Promise<void> {
  if (--held.users > 0) return
  await held.handle.then((handle) => handle.close()).catch(() => undefined)
}
