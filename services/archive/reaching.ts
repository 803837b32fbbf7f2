import { either, unlessAborted } from '../../lib/chunks/abort.ts'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { Failure, precondition } from '../../lib/failure.ts'

/** A blob store that may be away: it is opened when it is needed, and anew after it was away. */
export interface Reachable extends BlobStore, AsyncDisposable {
  /** Resolves if it is there, with what was put there; ARCHIVE_UNREACHABLE says why not. */
  reach(signal?: AbortSignal): Promise<void>
}

export interface ReachableDeps {
  /** What it is called for people. */
  readonly name: string
  readonly open: () => Promise<BlobStore & AsyncDisposable>
  /** Whether something was put there. */
  readonly isUsed: () => Promise<boolean>
}

type Opened = BlobStore & AsyncDisposable

export function reachable({ name, open, isUsed }: ReachableDeps): Reachable {
  let opening: Promise<Opened> | undefined
  const opened = (): Promise<Opened> => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw unreachable(name, error)
    })
    return opening
  }
  const forget = async (): Promise<void> => {
    const old = opening
    opening = undefined
    const blobs = await old?.catch(() => undefined)
    await blobs?.[Symbol.asyncDispose]()
  }
  const shows = async (signal: AbortSignal): Promise<boolean> =>
    showsAny(await unlessAborted(opened(), signal), signal)
  /** A folder that is empty may be one that is not mounted, or one that is gone, which a new start makes. */
  const look = async (signal: AbortSignal): Promise<void> => {
    if (await shows(signal)) return
    await forget()
    if ((await shows(signal)) || !(await isUsed())) return
    throw unreachable(name, 'none of the packs that were put there is there')
  }
  return {
    put: async (key, parts, signal) => (await opened()).put(key, parts, signal),
    range: async (key, offset, length, signal) =>
      (await opened()).range(key, offset, length, signal),
    stat: async (key, signal) => (await opened()).stat(key, signal),
    async *list(folder, signal) {
      yield* (await opened()).list(folder, signal)
    },
    delete: async (key, signal) => (await opened()).delete(key, signal),
    async reach(signal) {
      try {
        await look(either(AbortSignal.timeout(longestMs), signal))
      } catch (error) {
        signal?.throwIfAborted()
        throw unreachable(name, error)
      }
    },
    [Symbol.asyncDispose]: forget,
  }
}

/** Whoever asks for a move waits for this. */
const longestMs = 10_000

async function showsAny(blobs: BlobStore, signal: AbortSignal): Promise<boolean> {
  for await (const _ of blobs.list('packs/', signal)) return true
  return false
}

function unreachable(name: string, why: unknown): Failure {
  if (why instanceof Failure && why.reason === 'ARCHIVE_UNREACHABLE') return why
  const told = why instanceof Error ? why.message : String(why)
  const text = `The archive ${name} cannot be reached: ${told}.`
  return precondition('ARCHIVE_UNREACHABLE', text, { archive: name }, why)
}
