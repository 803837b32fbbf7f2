import { either, nobodyWaits } from '../lib/chunks/abort.ts'
import { copyChunks, type CopyOptions } from '../lib/chunks/copy.ts'
import { fingerprintOf } from '../lib/chunks/fingerprint.ts'
import type { Run } from '../lib/chunks/source.ts'
import type { Digest } from '../lib/content/digest.ts'
import type { PeersName } from '../lib/rules/terms.ts'
import { sharing } from '../lib/sharing/sharing.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { FetchDeps, FetchNews } from './fetch.ts'
import type { Uncompressed } from './uncompressed.ts'

/** What is to be copied of an image, and from where. */
export interface Copying {
  readonly image: Image
  /** All its chunks, in its order. */
  readonly digests: readonly Digest[]
  readonly lacking: readonly Digest[]
  readonly peers: PeersName
  readonly news: FetchNews
}

export type CopyingDeps = Pick<
  FetchDeps,
  'store' | 'clock' | 'standing' | 'limit' | 'portal' | 'company' | 'fingerprints'
> & { readonly uncompressed: Pick<Uncompressed, 'add'> }

const stallMs = 20_000

/** Fetches the chunks that are lacking, each from whoever has it. */
export async function copyImage(
  copying: Copying,
  deps: CopyingDeps,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController()
  const { news, lacking: digests } = copying
  const { store, clock, standing, limit, uncompressed } = deps
  const { came, ...ways } = waysOf(copying, deps, either(stop.signal, signal))
  const onRun: CopyOptions['onRun'] = (run, from) => {
    came?.(run)
    if (from.origin === 'peer') uncompressed.add(rawUnlikePortals(run, deps))
    news.fetched(from.origin, run.payload.length)
  }
  try {
    await copyChunks({ ...ways, digests, store, signal, clock, standing, limit, stallMs, onRun })
  } finally {
    stop.abort(nobodyWaits)
  }
}

/** A peer may have made these of deltas, and not have compressed them yet. */
function rawUnlikePortals(
  { entries, payload }: Run,
  { fingerprints }: Pick<CopyingDeps, 'fingerprints'>,
): Digest[] {
  let at = 0
  return entries.flatMap((entry) => {
    const stored = payload.subarray(at, (at += entry.storedBytes))
    const known = entry.codec === 'raw' ? fingerprints.known(entry.digest) : undefined
    if (known === undefined) return []
    return fingerprintOf(entry, stored).equals(known) ? [] : [entry.digest]
  })
}

interface Ways extends Pick<CopyOptions, 'sources' | 'batches' | 'first'> {
  readonly came?: (run: Run) => void
}

/** Peers come first in step with others who fetch the image at the same time; otherwise only who has it whole counts. */
function waysOf(
  { image, digests, lacking, peers }: Copying,
  { portal, company, clock }: Pick<CopyingDeps, 'portal' | 'company' | 'clock'>,
  signal: AbortSignal,
): Ways {
  const companyNow = () => company(image.name)
  switch (peers) {
    case 'first': {
      const shared = sharing({ digests, lacking, company: companyNow, clock })
      return {
        sources: (wanted) => [...shared.peers(wanted), portal],
        batches: shared.batches(signal),
        came: (run) => {
          shared.came(run)
        },
      }
    }
    case 'last':
      return { sources: () => [portal, ...companyNow().holders], first: 'portal' }
    case 'only':
      return { sources: () => companyNow().holders }
  }
}
