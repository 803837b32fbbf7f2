import { availableParallelism } from 'node:os'
import { resolve as absolute } from 'node:path'
import { chunkPlane } from '../lib/chunks/plane.ts'
import { remoteStore } from '../lib/chunks/remote.ts'
import type { Run } from '../lib/chunks/source.ts'
import { chunkDigests } from '../lib/content/manifest.ts'
import { Failure } from '../lib/failure.ts'
import { commitMessages } from '../lib/images/commit.ts'
import { together } from '../lib/chunks/together.ts'
import { renderTarget } from '../lib/names/target.ts'
import { importedNotes } from '../lib/portable/origin.ts'
import type { Portable } from '../lib/portable/read.ts'
import { connect } from '../lib/rpc/connect.ts'
import { fileChanged } from '../lib/workers/faults.ts'
import { startPool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import { ImageState, ImageStorage, type Image } from '../proto/gen/merge/image/v1/image.ts'
import {
  BeginUploadRequest,
  CommitHeader,
  UploadServiceService,
  type Upload,
} from '../proto/gen/merge/image/v1/upload.ts'
import { command, type Context } from './command.ts'
import { everyItem, present } from './find.ts'
import { images } from './images.ts'
import { imported, type Imported } from './imported.ts'
import { checked, onlyOf, reading } from './portable.ts'
import { giveUp, overCuts } from './publish.ts'
import { bytes } from './units.ts'

/** Into the portal. */
export const importImage = command({
  verb: 'import',
  object: 'image',
  summary: 'bring an image back from a portable file, with the same digest',
  arguments: ['FILE'],
  flags: {
    as: { value: 'TARGET', about: 'publish it as this, whatever it was' },
    candidate: { about: 'do not release it yet: only its exact name finds it' },
    check: { about: 'only check the file, to its last byte; no portal is asked' },
  },
  about:
    'An image of the portal whose bytes are archived or gone comes back under its own name. Any other is published in the\n' +
    'line that it was of, with the day of then and the next serial of that day; --as says otherwise. The digest is the\n' +
    'same in any case. What was no released image stays a candidate. Only what the portal does not hold is sent, and a\n' +
    'file that is damaged anywhere makes no image.',
  examples: [
    'import debian-13.1-std-x86-20260615.image.tar',
    'import paper-artifact.image.tar --as debian-13-paper42',
    'import paper-artifact.image.tar --check',
  ],
  async run(context, [file], { as: target, candidate = false, check = false }) {
    const path = absolute(context.folder, file)
    if (check) return checked(context, path)
    const start = context.now()
    const { openPortable } = await import('../lib/portable/read.ts')
    await using head = await openPortable(path)
    const known = target === undefined ? await sameImage(context, head) : undefined
    const { name } = head.about
    if (known?.storage === ImageStorage.IMAGE_STORAGE_PRESENT) {
      const none = { readBytes: 0, newBytes: 0, elapsedMs: context.now() - start }
      return imported({ image: known, outcome: 'present', source: name, ...none })
    }
    const job = { path, head, known, target, candidate }
    const done = await bringIn(context, job)
    return imported({ ...done, source: name, elapsedMs: context.now() - start })
  },
})

interface Job {
  readonly path: string
  readonly head: Portable
  /** The image whose bytes are to come back. */
  readonly known: Image | undefined
  readonly target: string | undefined
  readonly candidate: boolean
}

/** The image of the portal that is this one: of the same name, or at least of the same line. */
async function sameImage(context: Context, { about, name }: Portable): Promise<Image | undefined> {
  const named = await findImage(context, about.name)
  if (named?.digest === about.digest) return named
  const { namespace, distro, release, role, arch } = name
  const filter = {
    ...{ namespace: namespace === '' ? 'portal' : namespace, distro, release, role, arch },
    state: ImageState.IMAGE_STATE_UNSPECIFIED,
    storage: ImageStorage.IMAGE_STORAGE_UNSPECIFIED,
    labels: [],
  }
  const { signal } = context
  const ofLine = await everyItem(
    (page) => images(context).listImages({ ...page, filter }, { signal }),
    (page) => page.images,
  )
  const same = ofLine.filter(({ digest }) => digest === about.digest)
  return same.find(({ storage }) => storage === ImageStorage.IMAGE_STORAGE_PRESENT) ?? same[0]
}

async function findImage(context: Context, name: string): Promise<Image | undefined> {
  try {
    return (await images(context).getImage({ name }, { signal: context.signal })).image
  } catch (error) {
    if (error instanceof Failure && error.reason === 'NOT_FOUND') return undefined
    throw error
  }
}

type Done = Omit<Imported, 'source' | 'elapsedMs'>

async function bringIn(context: Context, job: Job): Promise<Done> {
  const { signal, newId } = context
  const uploads = connect(UploadServiceService, context.channel)
  const { upload } = await uploads.beginUpload(beginning(context, job), { signal })
  const id = present(upload)
  try {
    const sent = await overCuts(context, () => send(context, job, id))
    const header = await headerOf(context, job)
    const ids = { requestId: newId(), uploadId: id.id }
    const messages = commitMessages(CommitHeader.create({ ...header, ...ids }), job.head.manifest)
    const { image } = await uploads.commitUpload(messages, { signal })
    const outcome = job.known === undefined ? 'published' : 'restored'
    return { image: present(image), outcome, ...sent }
  } catch (error) {
    await giveUp(context, uploads, id)
    throw error
  }
}

function beginning({ newId }: Context, { head, known, target }: Job): BeginUploadRequest {
  const requestId = newId()
  if (known !== undefined) return BeginUploadRequest.create({ requestId, restores: known.name })
  const { name, about } = head
  const sameDay = `${renderTarget(name, name.point)}-${name.build.day}`
  return BeginUploadRequest.create({
    ...{ requestId, target: target ?? sameDay, notes: importedNotes(about) },
  })
}

/** What of it can be kept: a parent only if it is the same image here. */
async function headerOf(
  context: Context,
  { head, known, candidate }: Job,
): Promise<Partial<CommitHeader>> {
  if (known !== undefined) return {}
  const { parent, packages, state } = head.about
  const made = parent === null ? undefined : await findImage(context, parent.name)
  const isSame = made !== undefined && made.digest === parent?.digest
  return {
    packages,
    parent: isSame ? made.name : '',
    release: state === 'released' && !candidate,
  }
}

const streams = 4

/** Sends what the portal lacks, and checks the whole file on the way. */
async function send(context: Context, { path, head }: Job, { id }: Upload) {
  const { openPortable } = await import('../lib/portable/read.ts')
  await using file = await openPortable(path)
  if (file.digest !== head.digest) throw fileChanged(path)
  await using pool = startPool(availableParallelism())
  const store = remoteStore(connect(chunkPlane, context.channel), id)
  const lacking = new Set(await store.missing(chunkDigests(file.manifest), context.signal))
  using meter = context.meter()
  let newBytes = 0
  let fault: unknown
  async function* fresh(stop: AbortSignal): AsyncGenerator<Run> {
    try {
      for await (const run of file.runs(verifier(pool), stop)) {
        const lacked = onlyOf(run, lacking)
        const sentBytes = lacked?.payload.length ?? 0
        if (lacked !== undefined) yield lacked
        newBytes += sentBytes
        meter.show(reading(path, file, `${bytes(newBytes)} sent`))
      }
    } catch (error) {
      fault ??= stop.aborted ? undefined : error
      throw error
    }
  }
  try {
    await together((stop) => {
      const runs = fresh(stop)
      return Array.from({ length: streams }, () => store.store(runs, stop))
    }, context.signal)
  } catch (error) {
    // The store's error may be no more than that its input failed.
    throw fault ?? error
  }
  return { readBytes: file.sizeBytes, newBytes }
}
