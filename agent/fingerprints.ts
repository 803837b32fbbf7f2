import type { Logger } from 'pino'
import { either, nobodyWaits } from '../lib/chunks/abort.ts'
import { fingerprintAt, joinFingerprints } from '../lib/chunks/fingerprint.ts'
import type { Run } from '../lib/chunks/source.ts'
import type { Digest } from '../lib/content/digest.ts'
import type { Upstream } from './upstream.ts'

/** What the portal says that chunks are recognised by, for as long as somebody fetches them. */
export interface Fingerprints {
  readonly known: (digest: Digest) => Uint8Array | undefined
  /** Those of a run's chunks, joined, whatever its sender tells. */
  readonly of: (run: Run) => Uint8Array
  /**
   * Asks for those of the chunks, in their order, until it is disposed of. Nobody waits for the answers: what comes before its
   * fingerprint is decoded.
   */
  readonly learn: (digests: readonly Digest[], signal: AbortSignal) => Disposable
}

export function fingerprintsFrom(
  upstream: Pick<Upstream, 'fingerprints'>,
  log: Logger,
): Fingerprints {
  const known = new Map<Digest, Uint8Array>()
  const ask = async (digests: readonly Digest[], signal: AbortSignal): Promise<void> => {
    for await (const part of upstream.fingerprints(digests, signal)) {
      for (const [i, digest] of part.digests.entries()) {
        const fingerprint = fingerprintAt(part.fingerprints, i)
        if (fingerprint !== undefined && !signal.aborted) known.set(digest, fingerprint)
      }
    }
  }
  return {
    known: (digest) => known.get(digest),
    of: ({ entries }) => joinFingerprints(entries.map(({ digest }) => known.get(digest))),
    learn(digests, signal) {
      const stop = new AbortController()
      const until = either(stop.signal, signal)
      ask(digests, until).catch((error: unknown) => {
        if (!until.aborted) log.info({ error: String(error) }, 'fingerprints failed; decoding')
      })
      return {
        [Symbol.dispose]: () => {
          stop.abort(nobodyWaits)
          for (const digest of digests) known.delete(digest)
        },
      }
    },
  }
}
