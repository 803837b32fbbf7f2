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
import type { Item } from './origin.ts'
import { stage, type Staged } from './staging.ts'

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
  const staged = await fetched(job, desk, deps)
  journal.say(`came: ${staged.sizeBytes} bytes, sha256:${staged.sha256}`)
  const same = sameAs(job, job.former?.inputsDigest, staged.sha256)
  if (same !== undefined) return skipped(same, staged, desk)
  try {
    await published(job, staged, desk, deps)
    return undefined
  } catch (error) {
    if (error instanceof Unchanged) return skipped(error.image, staged, desk)
    throw error
  }
}

async function fetched(
  { order, source }: ImportJob,
  { places, held, stopping }: Desk,
  deps: ImporterDeps,
): Promise<Staged> {
  held.tell({ step: 'fetching' })
  try {
    await using origin = await deps.open(source.place, stopping)
    const tell = (done: number, total: number): void => {
      held.tell({ step: 'fetching', done, total })
    }
    return await stage(origin, itemOf(order), places.output, source.sizeBytes, tell, stopping)
  } catch (error) {
    if (!(error instanceof Failure) || stopping.aborted) throw error
    throw new Fault(error.reason === 'DISK_FULL' ? 'DISK' : 'SOURCE', error.message, error)
  }
}

function itemOf({ name, version, sha256, sizeBytes, time, fields }: ImportOrder): Item {
  return {
    ...{ name, version, fields },
    ...(sha256 === '' ? {} : { sha256 }),
    ...(sizeBytes === 0n ? {} : { sizeBytes }),
    ...(time === undefined ? {} : { time }),
  }
}

/** The image that is there, if it has this digest; one that was asked for is imported all the same. */
function sameAs(
  { build, former }: ImportJob,
  known: string | undefined,
  digest: Digest,
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

function skipped(image: string, { sha256 }: Staged, { journal }: Desk): Ending {
  journal.say(`the bytes are those of ${image}: there is nothing to import`)
  return { $case: 'skipped', value: { image, inputsDigest: `sha256:${sha256}` } }
}

async function published(
  job: ImportJob,
  staged: Staged,
  { held, journal, stopping }: Desk,
  { publisher }: ImporterDeps,
): Promise<void> {
  const { claim, build, source, former } = job
  journal.say('== publishing')
  const publication = {
    ...{ target: build.target, files: [fileOf(job, staged)], packages: [], notes: source.notes },
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
      return { claim, inputsDigest: `sha256:${staged.sha256}`, checks: [] }
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
function fileOf({ source }: ImportJob, { path }: Staged): InputFile {
  const [only, other] = source.boot
  const boot = only === undefined || other !== undefined ? 'any' : only
  const { format: container } = source
  return { kind: 'rootfs', path, boot, ...(container === undefined ? {} : { container }) }
}

function faultOf(error: Failure): Fault {
  if (error.reason !== 'WRONG_FORMAT') return new Fault('PUBLISH', error.message, error)
  const advice = error.message.includes('--format') ? '. A source says it as `format`' : ''
  return new Fault('OUTPUT', `${error.message}${advice}`, error)
}
