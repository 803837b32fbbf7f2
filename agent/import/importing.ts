import { Failure, internal } from '../../lib/failure.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { parseDigest } from '../../lib/content/digest.ts'
import type { InputFile } from '../../lib/images/input.ts'
import { parseSource, readSource } from '../../lib/sources/parse.ts'
import type { Source } from '../../lib/sources/source.ts'
import type {
  Build,
  ClaimBuildResponse,
  FormerBuild,
  ImportOrder,
} from '../../proto/gen/merge/image/v1/build.ts'
import type { BuiltImage } from '../../proto/gen/merge/image/v1/upload.ts'
import { attend, type Deed, type Desk, type Ending } from '../build/attending.ts'
import { Fault } from '../build/fault.ts'
import type { ImporterDeps } from './importer.ts'
import { stageAll, sumOfLoad, type Load } from './load.ts'

/** Imports an item that was claimed, and leaves nothing of it in the folder. */
export async function importOne(
  claim: string,
  claimed: ClaimBuildResponse,
  deps: ImporterDeps,
  signal: AbortSignal,
): Promise<void> {
  const { build, order, former } = claimed
  if (build === undefined || order === undefined) {
    throw internal('INTERNAL', 'The portal gave an import and left out what it is.')
  }
  const deed: Deed = async (desk) => {
    const source = parseSource(order.sourceText)
    return bring({ claim, build, order, former, source }, desk, deps)
  }
  await attend(claim, claimed, logLimit(order), deed, deps, signal)
}

/** A source that nobody can read fails later, and says so. */
function logLimit({ sourceText }: ImportOrder): number {
  const read = readSource(sourceText)
  return 'problems' in read ? 64 * 1024 : read.source.limits.logBytes
}

interface ImportJob {
  readonly claim: string
  readonly build: Build
  readonly order: ImportOrder
  readonly former: FormerBuild | undefined
  readonly source: Source
}

/** Fetches the item and publishes it, unless its bytes are those of the image that is there. */
async function bring(job: ImportJob, desk: Desk, deps: ImporterDeps): Promise<Ending | undefined> {
  const { build, order, source } = job
  const { journal } = desk
  desk.limit(source.limits)
  journal.say(`importing ${order.name} of ${build.origin?.source ?? ''}`)
  journal.say(`from ${build.origin?.url ?? ''}, version ${order.version}`)
  for (const { kind, name, version } of order.parts) {
    journal.say(`with ${name} as its ${kind}, version ${version}`)
  }
  const load = await fetched(job, desk, deps)
  for (const { sizeBytes, sha256 } of [load.disk, ...load.parts]) {
    journal.say(`came: ${sizeBytes} bytes, sha256:${sha256}`)
  }
  const same = sameAs(job, job.former?.inputsDigest, sumOfLoad(load))
  if (same !== undefined) return skipped(same, load, desk)
  try {
    await published(job, load, desk, deps)
    return undefined
  } catch (error) {
    if (error instanceof Unchanged) return skipped(error.image, load, desk)
    throw error
  }
}

async function fetched(
  { order, source }: ImportJob,
  { places, held, stopping }: Desk,
  deps: ImporterDeps,
): Promise<Load> {
  held.tell({ step: 'fetching' })
  try {
    await using origin = await deps.open(source.place, stopping)
    const tell = (done: number, total: number): void => {
      held.tell({ step: 'fetching', done, total })
    }
    return await stageAll(origin, order, places.output, source.sizeBytes, tell, stopping)
  } catch (error) {
    if (!(error instanceof Failure) || stopping.aborted) throw error
    throw new Fault(error.reason === 'DISK_FULL' ? 'DISK' : 'SOURCE', error.message, error)
  }
}

/** The image that is there, if it has this digest; one that was asked for is imported all the same. */
function sameAs(
  { build, former }: ImportJob,
  known: string | undefined,
  digest: string,
): string | undefined {
  if (build.force || former === undefined || known === undefined || known === '') return undefined
  return parseDigest(known) === digest ? former.image : undefined
}

/** What was imported is what is there, which shows only once it is unpacked. */
class Unchanged extends Error {
  readonly image: string

  constructor(image: string) {
    super(`the image is ${image}`)
    this.image = image
  }
}

function skipped(image: string, load: Load, { journal }: Desk): Ending {
  journal.say(`the bytes are those of ${image}: there is nothing to import`)
  return { $case: 'skipped', value: { image, inputsDigest: `sha256:${sumOfLoad(load)}` } }
}

async function published(
  job: ImportJob,
  load: Load,
  { held, journal, stopping }: Desk,
  { publisher }: ImporterDeps,
): Promise<void> {
  const { claim, build, source, former } = job
  journal.say('== publishing')
  const publication = {
    ...{ target: build.target, files: filesOf(job, load), packages: [], notes: source.notes },
    labels: {},
    ...{ mostBytes: source.sizeBytes, parent: '', release: false, days: 0, shared: false },
  }
  const news = {
    progress: ({ readBytes, totalBytes }: { readBytes: number; totalBytes: number }) => {
      held.tell({ step: 'publishing', done: readBytes, total: totalBytes })
    },
    built: async (digest: Digest): Promise<BuiltImage> => {
      const same = sameAs(job, former?.digest, digest)
      if (same !== undefined) throw new Unchanged(same)
      await held.flushed(stopping)
      return { claim, inputsDigest: `sha256:${sumOfLoad(load)}`, checks: [], checksFollow: false }
    },
  }
  try {
    await publisher.publish(publication, news, stopping)
  } catch (error) {
    if (!(error instanceof Failure) || stopping.aborted || error.reason === 'BUILD_LOST')
      throw error
    throw faultOf(error)
  }
}

/** Where the source does not say what it is, its name does. */
function filesOf({ source }: ImportJob, { disk, parts }: Load): readonly InputFile[] {
  const [only, other] = source.boot
  const boot = only === undefined || other !== undefined ? 'any' : only
  const { format: container } = source
  const { path } = disk
  const rootfs: InputFile = { kind: 'rootfs', path, boot }
  return [
    container === undefined ? rootfs : { ...rootfs, container },
    ...parts.map((part): InputFile => ({ kind: part.kind, path: part.path, boot })),
  ]
}

function faultOf(error: Failure): Fault {
  if (error.reason !== 'WRONG_FORMAT') return new Fault('PUBLISH', error.message, error)
  const advice = error.message.includes('--format') ? '. A source says it as `format`' : ''
  return new Fault('OUTPUT', `${error.message}${advice}`, error)
}
