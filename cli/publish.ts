import { availableParallelism } from 'node:os'
import { sleep } from '../lib/chunks/clock.ts'
import { chunkPlane } from '../lib/chunks/plane.ts'
import { remoteStore } from '../lib/chunks/remote.ts'
import type { Manifest } from '../lib/content/manifest.ts'
import { Failure } from '../lib/failure.ts'
import { commitMessages } from '../lib/images/commit.ts'
import { ingest } from '../lib/images/ingest.ts'
import { containers, type Container } from '../lib/images/format.ts'
import { mostUnpackedBytes, openInputs, type InputFile } from '../lib/images/input.ts'
import type { IngestProgress } from '../lib/images/supply.ts'
import { connect, type Remote } from '../lib/rpc/connect.ts'
import { startPool } from '../lib/workers/pool.ts'
import {
  BeginUploadRequest,
  CommitHeader,
  UploadServiceService,
  type Upload,
} from '../proto/gen/merge/image/v1/upload.ts'
import { command, type Context } from './command.ts'
import { exactName, present } from './find.ts'
import { labelsFlag, parseLabelsFlag } from './labelled.ts'
import { published, type Made } from './made.ts'
import { readPackages } from './packages.ts'
import type { Progress } from './progress.ts'
import { parseSize } from './size.ts'
import { bytes } from './units.ts'

/** Options of everything that makes an image of files. */
export const diskFlags = {
  format: {
    value: 'FORMAT',
    about: 'what FILE is; its name says it otherwise',
    choices: containers,
  },
  'max-size': { value: 'SIZE', about: 'the largest disk FILE may unpack to (128G)' },
  kernel: { value: 'FILE', about: 'a kernel to go with it' },
  initramfs: { value: 'FILE', about: 'an initramfs to go with it' },
  packages: { value: 'FILE', about: 'the packages in it, as `dpkg-query -W` lists them' },
  parent: { value: 'IMAGE', about: 'the image that it was made of' },
  notes: { value: 'TEXT', about: 'what to say about it' },
  labels: labelsFlag,
} as const

export const publish = command({
  verb: 'publish',
  object: 'image',
  summary: 'make an image of a disk, and release it',
  arguments: ['FILE'],
  flags: {
    as: { value: 'TARGET', about: 'what it is: distro and release at least', required: true },
    ...diskFlags,
    candidate: { about: 'do not release it yet: only its exact name finds it' },
  },
  about:
    'TARGET fills the fields of the name: `debian-13`, `lab1/debian-13.1-mytools-aarch64`. Point 0, role std, the\n' +
    'default architecture and the day of today are filled in, and the portal says which exact name it became.\n' +
    'FILE may be a raw disk or a qcow2, or a raw disk packed by gzip, xz or zstd. Its name says which (.qcow2, .gz, .xz,\n' +
    '.zst, else raw), or --format does; the first bytes must agree, and never choose. All make the same image.\n' +
    'Only what the portal does not hold yet is sent. Holes in the file cost nothing.\n' +
    'The list of packages has a name and a version a line; for `diff`. With rpm:\n' +
    "  rpm -qa --qf '%{NAME}\\t%{VERSION}-%{RELEASE}\\n'",
  examples: [
    'publish debian.raw --as debian-13 --packages debian.packages',
    "publish disk.raw --as ubuntu-2404.4 --kernel vmlinuz --initramfs initrd.img --notes 'June rebuild'",
    'publish debian-13-generic-amd64.img --format qcow2 --as debian-13',
    'publish vte.raw --as debian-12-vte --candidate',
  ],
  async run(context, [file], { as: target, candidate = false, ...more }) {
    return published(await makeImage(context, file, target, { ...more, release: !candidate }))
  },
})

interface MakeFlags extends SourceFlags {
  readonly packages?: string
  readonly parent?: string
  readonly notes?: string
  readonly labels?: string
  readonly release: boolean
}

/** Makes an image of files: all of it, or nothing. */
export async function makeImage(
  context: Context,
  file: string,
  target: string,
  { notes = '', release, ...more }: MakeFlags,
): Promise<Made> {
  const source = sourceOf(file, more)
  const labels = parseLabelsFlag('--labels', more.labels, 'mrg-image publish --help')
  await (await openInputs(source.files, source.mostBytes))[Symbol.asyncDispose]()
  const packages = more.packages === undefined ? [] : await readPackages(more.packages)
  const parent = more.parent === undefined ? '' : await exactName(context, more.parent)
  const uploads = connect(UploadServiceService, context.channel)
  const { signal, newId, now } = context
  const start = now()
  const begin = BeginUploadRequest.create({ requestId: newId(), target, notes, labels })
  const upload = present((await uploads.beginUpload(begin, { signal })).upload)
  try {
    const { manifest, last } = await overCuts(context, () => send(context, source, upload))
    const fields = { requestId: newId(), uploadId: upload.id, release, packages, parent }
    const header = CommitHeader.create(fields)
    const { image } = await uploads.commitUpload(commitMessages(header, manifest), { signal })
    const totalBytes = manifest.artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const sent = { ...last, totalBytes }
    return { image: present(image), sent, packages: packages.length, elapsedMs: now() - start }
  } catch (error) {
    await giveUp(context, uploads, upload)
    throw error
  }
}

/** What is handed in, and how large it may unpack. */
interface Source {
  readonly files: readonly InputFile[]
  readonly mostBytes: number
}

interface SourceFlags {
  readonly format?: string
  readonly 'max-size'?: string
  readonly kernel?: string
  readonly initramfs?: string
}

function sourceOf(path: string, flags: SourceFlags): Source {
  const container = containers.find((known) => known === flags.format)
  const most = flags['max-size']
  const boot = (['kernel', 'initramfs'] as const).flatMap((kind) => {
    const path = flags[kind]
    return path === undefined ? [] : [{ kind, path }]
  })
  return {
    files: [rootfs(path, container), ...boot],
    mostBytes:
      most === undefined
        ? mostUnpackedBytes
        : parseSize('--max-size', most, 'mrg-image publish --help'),
  }
}

function rootfs(path: string, container?: Container): InputFile {
  return { kind: 'rootfs', path, ...(container === undefined ? {} : { container }) }
}

interface Sent {
  readonly manifest: Manifest
  readonly last: IngestProgress
}

const mostCuts = 5
const pauseMs = 500

/** What was stored before the connection was cut stays, so that only the rest is sent again. */
export async function overCuts<T>(context: Context, act: () => Promise<T>): Promise<T> {
  for (let cuts = 0; ; cuts++) {
    try {
      return await act()
    } catch (error) {
      const wasCut = error instanceof Failure && error.reason === 'UNREACHABLE'
      if (!wasCut || cuts === mostCuts) throw error
      context.note('The connection to the portal was cut; sending what is missing.')
      await sleep(pauseMs, context.signal)
    }
  }
}

async function send(context: Context, { files, mostBytes }: Source, upload: Upload): Promise<Sent> {
  const store = remoteStore(connect(chunkPlane, context.channel), upload.id)
  await using pool = startPool(availableParallelism())
  await using steps = ingest(files, store, pool, { mostBytes }, context.signal)
  using meter = context.meter()
  let last: IngestProgress = { readBytes: 0, totalBytes: 0, newRawBytes: 0, sentBytes: 0 }
  for (;;) {
    const step = await steps.next()
    if (step.done === true) return { manifest: step.value, last }
    last = step.value
    meter.show(publishProgress(upload.target, last))
  }
}

function publishProgress(target: string, progress: IngestProgress): Progress {
  const { readBytes, totalBytes, newRawBytes, sentBytes } = progress
  const detail = `${bytes(newRawBytes)} new, ${bytes(sentBytes)} sent`
  return { label: `publishing ${target}`, doneBytes: readBytes, totalBytes, detail }
}

const patienceMs = 5_000

/** Leaves nothing behind; where the portal cannot be told, the lease runs out by itself. */
export async function giveUp(
  { note, newId }: Context,
  uploads: Remote<UploadServiceService>,
  { id: uploadId }: Upload,
): Promise<void> {
  try {
    await uploads.abortUpload({ requestId: newId(), uploadId }, { deadlineMs: patienceMs })
    note('The upload was given up: nothing is published.')
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error.reason !== 'UPLOAD_CLOSED') note('The upload will lapse by itself.')
  }
}
