import { isAbsolute } from 'node:path'
import type { Run } from '../lib/chunks/source.ts'
import type { Verify } from '../lib/chunks/verified.ts'
import { chunkDigests } from '../lib/content/manifest.ts'
import { internal, invalid } from '../lib/failure.ts'
import { reporting } from '../lib/images/reporting.ts'
import { renderTarget } from '../lib/names/target.ts'
import { importedNotes } from '../lib/portable/origin.ts'
import { openPortable, type Portable } from '../lib/portable/read.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import {
  ImportOutcome,
  type ImportRequest,
  type ImportResponse,
} from '../proto/gen/merge/image/v1/local.ts'
import { begin, commit, storedBytesOf, type CustomDeps } from './publishing.ts'
import type { SyncState } from './sync.ts'

export interface ImportDeps extends Omit<CustomDeps, 'pool' | 'state'> {
  readonly facility: string
  readonly verify: Verify
  readonly state: Pick<SyncState, 'bell' | 'desired'>
}

/** Takes in a portable file, and tells how it goes; the last that it tells is the image. */
export async function* importImage(
  request: ImportRequest,
  deps: ImportDeps,
  signal: AbortSignal,
): AsyncGenerator<ImportResponse> {
  if (!isAbsolute(request.path)) {
    throw invalid('INVALID_FIELD', `"${request.path}" is no absolute path.`, { field: 'path' })
  }
  let last = nothingYet
  await using steps = reporting<ImportResponse, ImportResponse>(async (report, stop) => {
    await using file = await openPortable(request.path)
    const progress = (newBytes: number): void => {
      const [readBytes, totalBytes] = [BigInt(file.readBytes()), BigInt(file.sizeBytes)]
      last = { ...last, readBytes, totalBytes, newBytes: last.newBytes + BigInt(newBytes) }
      report(last)
    }
    const taken = await takeIn(file, request, { ...deps, progress }, stop)
    return { ...last, ...taken, source: file.about.name }
  }, signal)
  for (;;) {
    const step = await steps.next()
    yield step.value
    if (step.done === true) return
  }
}

const nothingYet: ImportResponse = {
  ...{ readBytes: 0n, totalBytes: 0n, newBytes: 0n, image: undefined, source: '' },
  outcome: ImportOutcome.IMPORT_OUTCOME_UNSPECIFIED,
}

type Taken = Pick<ImportResponse, 'image' | 'outcome'>

interface TakingDeps extends ImportDeps {
  /** Hears of bytes of chunks that are new. */
  readonly progress: (newBytes: number) => void
}

async function takeIn(
  file: Portable,
  request: ImportRequest,
  deps: TakingDeps,
  signal: AbortSignal,
): Promise<Taken> {
  const { images, state } = deps
  const isSame = ({ digest }: Image): boolean => digest === file.about.digest
  if (request.target === '') {
    const here = images.present().find(isSame)
    if (here !== undefined) return { image: here, outcome: ImportOutcome.IMPORT_OUTCOME_PRESENT }
    const wanted = state.desired.images.flatMap(({ image }) => image ?? []).find(isSame)
    if (wanted !== undefined) {
      using _held = await stored(file, deps, signal)
      images.show(wanted)
      state.bell.ring()
      return { image: wanted, outcome: ImportOutcome.IMPORT_OUTCOME_WANTED }
    }
  }
  const image = await publish(file, request, deps, signal)
  return { image, outcome: ImportOutcome.IMPORT_OUTCOME_CUSTOM }
}

/** Makes it an image of the facility's own. */
async function publish(
  file: Portable,
  request: ImportRequest,
  deps: TakingDeps,
  signal: AbortSignal,
): Promise<Image> {
  const { about, manifest } = file
  const { days, shared, candidate } = request
  const target = targetOf(request, file, deps.facility)
  const upload = await begin(
    { target, notes: importedNotes(about), labels: {} },
    { days, shared },
    deps,
    signal,
  )
  try {
    using _held = await stored(file, deps, signal)
    const storedBytes = await storedBytesOf(chunkDigests(manifest), deps.places)
    const publication = {
      packages: about.packages,
      parent: parentOf(file, deps),
      release: about.state === 'released' && !candidate,
    }
    const news = { built: () => Promise.resolve(undefined) }
    const image = await commit(upload, publication, manifest, storedBytes, news, deps, signal)
    deps.images.show(image)
    deps.state.bell.ring()
    return image
  } catch (error) {
    await giveUp(upload.id, deps)
    throw error
  }
}

/** Keeps the chunks and the manifest; a collector stays off them until this is disposed of. */
async function stored(
  file: Portable,
  { store, needs, images, verify, progress }: TakingDeps,
  signal: AbortSignal,
): Promise<Disposable> {
  const { digest, manifest, manifestBytes } = file
  const digests = chunkDigests(manifest)
  using stack = new DisposableStack()
  stack.use(needs.hold(digest))
  await needs.add(digest, digests)
  const lacking = new Set(await store.missing(digests, signal))
  async function* counted(): AsyncGenerator<Run> {
    for await (const run of file.runs(verify, signal)) {
      const fresh = run.entries.filter((entry) => lacking.has(entry.digest))
      yield run
      progress(fresh.reduce((sum, { storedBytes }) => sum + storedBytes, 0))
    }
  }
  await store.store(counted(), signal)
  const [absent] = await store.missing(digests, signal)
  if (absent !== undefined) {
    throw internal('INTERNAL', `chunk ${absent} was stored, and is not there`)
  }
  images.keepManifest(digest, manifestBytes)
  return stack.move()
}

function targetOf({ target }: ImportRequest, { name }: Portable, facility: string): string {
  if (target !== '') return target.includes('/') ? target : `${facility}/${target}`
  return `${renderTarget({ ...name, namespace: facility }, name.point)}-${name.build.day}`
}

/** Another portal may have another image of that name. */
function parentOf({ about }: Portable, { images }: ImportDeps): string {
  const { name, digest } = about.parent ?? { name: '', digest: '' }
  return digest !== '' && images.find(name)?.digest === digest ? name : ''
}

const patienceMs = 5_000

/** Where the portal cannot be told, the lease runs out by itself. */
async function giveUp(uploadId: string, { upstream, newUuid }: ImportDeps): Promise<void> {
  await upstream.uploads
    .abortUpload({ requestId: newUuid(), uploadId }, { deadlineMs: patienceMs })
    .catch(() => undefined)
}
