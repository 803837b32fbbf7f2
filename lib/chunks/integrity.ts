import { splitDigests, type Digest } from '../content/digest.ts'
import { invalid } from '../failure.ts'
import { reporting } from '../images/reporting.ts'
import type { Call } from '../rpc/serve.ts'
import type { Service } from '../rpc/service.ts'
import type {
  IntegrityServiceService,
  ScrubProgress as ProgressMessage,
  ScrubReport as ReportMessage,
  ScrubResponse,
} from '../../proto/gen/merge/image/v1/integrity.ts'
import type { CollectableIndex } from './collectable.ts'
import type { DamageLog, ScrubCounts, ScrubPlace } from './damage.ts'
import type { Heal } from './healing.ts'
import type { ScrubProgress, Scrubber } from './scrubber.ts'

export interface IntegrityDeps {
  readonly scrubber: Pick<Scrubber, 'run'>
  /** Looks at chunks that somebody says are wrong. */
  readonly check: Heal
  readonly damage: Pick<DamageLog, 'left' | 'place'>
  readonly index: Pick<CollectableIndex, 'packUse'>
  /** The names of the images that need any of these chunks, in their order. */
  readonly needing: (digests: readonly Digest[]) => Promise<readonly string[]>
}

const mostImages = 100
const mostChecked = 64

/** IntegrityService over a store: the portal and every agent mount this. */
export function integrityService(
  deps: IntegrityDeps,
): Service<typeof IntegrityServiceService, [call: Call]> {
  const { scrubber, check, damage, index, needing } = deps
  return {
    async getIntegrity() {
      const [place, left] = [await damage.place(), await damage.left()]
      const images = left.length === 0 ? [] : await needing(left)
      const isUnderWay = place.after !== ''
      return {
        lastPass:
          place.last === undefined
            ? undefined
            : reportOf({ ...place.last, endedAt: place.endedAt }),
        currentPass: isUnderWay ? await progressAt(place, index) : undefined,
        damagedChunks: BigInt(left.length),
        images: images.slice(0, mostImages),
        imageCount: images.length,
      }
    },

    async *scrub(_request, { signal }) {
      yield* reporting<ScrubResponse, undefined>(async (tell, stop) => {
        const report = await scrubber.run(stop, (progress) => {
          tell({ progress: progressOf(progress), report: undefined })
        })
        tell({ progress: undefined, report: reportOf(report) })
        return undefined
      }, signal)
    },

    async checkChunks(request, { signal }) {
      const digests = splitDigests(request.digests)
      if (digests.length > mostChecked) {
        throw invalid(
          'INVALID_CHUNK',
          `${digests.length} digests are more than the ${mostChecked} of one call`,
        )
      }
      await check(digests, signal)
      return {}
    },
  }
}

async function progressAt(
  { after, soFar }: ScrubPlace,
  index: Pick<CollectableIndex, 'packUse'>,
): Promise<ProgressMessage> {
  const packs = await index.packUse(0)
  const done = packs.filter(({ key }) => key <= after)
  const bytesOf = (some: typeof packs): number =>
    some.reduce((sum, { chunkBytes }) => sum + chunkBytes, 0)
  return progressOf({
    donePacks: done.length,
    totalPacks: packs.length,
    doneBytes: bytesOf(done),
    totalBytes: bytesOf(packs),
    counts: soFar,
  })
}

function progressOf({ counts, ...far }: ScrubProgress): ProgressMessage {
  return {
    donePacks: BigInt(far.donePacks),
    totalPacks: BigInt(far.totalPacks),
    doneBytes: BigInt(far.doneBytes),
    totalBytes: BigInt(far.totalBytes),
    ...chunksOf(counts),
  }
}

function reportOf(report: ScrubCounts & { readonly endedAt: number }): ReportMessage {
  return {
    endTime: new Date(report.endedAt),
    packs: BigInt(report.packs),
    bytes: BigInt(report.bytes),
    ...chunksOf(report),
  }
}

function chunksOf({ damaged, repaired, left }: ScrubCounts) {
  return {
    damagedChunks: BigInt(damaged),
    repairedChunks: BigInt(repaired),
    leftChunks: BigInt(left),
  }
}
