import { resolve as absolute } from 'node:path'
import { unavailable } from '../lib/failure.ts'
import { connect, type Remote } from '../lib/rpc/connect.ts'
import { ArtifactKind } from '../proto/gen/merge/image/v1/image.ts'
import { LocalServiceService, type PullResponse } from '../proto/gen/merge/image/v1/local.ts'
import { command, type Answer, type Context } from './command.ts'
import { present } from './find.ts'
import { localJson, replicaJson } from './json.ts'
import type { Progress } from './progress.ts'
import { bytes, duration, rate, seconds } from './units.ts'
import { UsageError } from './usage.ts'
import { word } from './words.ts'

const pull = command({
  verb: 'pull',
  object: 'image',
  summary: 'have an image here, and wait until it is',
  arguments: ['REF'],
  flags: { async: { about: 'return at once; the agent goes on' } },
  about:
    'The agent goes on when this command is interrupted; `mrs-image list` shows how far it is.',
  examples: ['pull fedora', 'pull debian-13.1-std-x86-20260615 --async'],
  async run(context, [reference], { async: atOnce = false }) {
    using meter = context.meter()
    let waited = false
    for await (const at of local(context).pull({ reference }, { signal: context.signal })) {
      // The agent knows the image once the portal's wish has come back to it.
      const arrival = at.local === undefined ? undefined : arrivalOf(at)
      if (arrival?.state === 'present' || (atOnce && arrival)) return arrived(at, waited)
      waited = true
      if (arrival) meter.show(pullProgress(arrival))
    }
    throw unavailable('NOT_READY', 'The agent stopped telling before the image was here.')
  },
})

const writeOut = command({
  verb: 'write',
  object: 'out',
  summary: 'write a file of an image that is here: sparse, and verified',
  arguments: ['REF', 'FILE'],
  flags: {
    kernel: { about: 'the kernel instead of the root file system' },
    initramfs: { about: 'the initramfs instead of the root file system' },
    force: { about: 'replace a file that is there' },
  },
  about: 'The agent writes it, so its user must be allowed to.',
  examples: ['write out fedora /var/tmp/fedora.raw', 'write-out fedora vmlinuz --kernel --force'],
  async run(context, [reference, file], { force = false, ...which }) {
    const kind = chosenKind(which)
    const path = absolute(context.folder, file)
    const request = { reference, kind, path, replace: force }
    const steps = local(context).writeOut(request, { signal: context.signal })
    const done = await followed(context, `writing ${reference}`, steps)
    const what = word(ArtifactKind, kind)
    return {
      json: { image: done.image, kind: what, path, ...doneJson(done) },
      text: () => `${path} is the ${what} of ${done.image}: ${doneText(done)}.`,
    }
  },
})

const verify = command({
  verb: 'verify',
  object: 'image',
  summary: 'read an image that is here as a whole, and check every byte of it',
  arguments: ['REF'],
  flags: {},
  examples: ['verify fedora'],
  async run(context, [reference]) {
    const steps = local(context).verify({ reference }, { signal: context.signal })
    const done = await followed(context, `verifying ${reference}`, steps)
    return {
      json: { image: done.image, ...doneJson(done) },
      text: () => `${done.image} is whole: ${doneText(done)}.`,
    }
  },
})

export const transferCommands = [pull, writeOut, verify]

function local({ channel }: Context): Remote<LocalServiceService> {
  return connect(LocalServiceService, channel)
}

function arrivalOf({ local: image, reusedBytes, elapsedMs }: PullResponse) {
  return { ...replicaJson(present(present(image).replica)), reusedBytes, elapsedMs }
}

type Arrival = ReturnType<typeof arrivalOf>

export function pullProgress(at: Arrival): Progress {
  const { image, totalBytes, peerBytes, portalBytes } = at
  const from = `peers ${bytes(peerBytes)}, portal ${bytes(portalBytes)}`
  return {
    label: image,
    doneBytes: Number(peerBytes + portalBytes),
    totalBytes: Number(totalBytes),
    detail: `${from}, here already ${bytes(at.reusedBytes)}`,
  }
}

function arrived(message: PullResponse, waited: boolean): Answer {
  const at = arrivalOf(message)
  const { image, state, reusedBytes, elapsedMs } = at
  const json = { ...localJson(present(message.local)), reusedBytes, elapsedMs }
  if (state !== 'present') return { json, text: () => `${image} is ${state}.` }
  return { json, text: () => `${image} ${waited ? `is here: ${moved(at)}` : 'was here already'}.` }
}

function moved({ peerBytes, portalBytes, reusedBytes, elapsedMs }: Arrival): string {
  const sum = peerBytes + portalBytes
  if (sum === 0n) return 'nothing had to be fetched'
  const from = `${bytes(peerBytes)} from peers, ${bytes(portalBytes)} from the portal`
  const speed = `${duration(elapsedMs)}, ${rate(sum, elapsedMs)}`
  return `${from}, ${bytes(reusedBytes)} were here already; ${speed}`
}

function chosenKind(which: { readonly kernel?: boolean; readonly initramfs?: boolean }) {
  const { kernel = false, initramfs = false } = which
  if (kernel && initramfs) {
    throw new UsageError('write one file at a time', 'mrs-image write out --help')
  }
  if (kernel) return ArtifactKind.ARTIFACT_KIND_KERNEL
  return initramfs ? ArtifactKind.ARTIFACT_KIND_INITRAMFS : ArtifactKind.ARTIFACT_KIND_ROOTFS
}

interface Step {
  readonly image: string
  readonly doneBytes: bigint
  readonly totalBytes: bigint
}

interface Done extends Step {
  readonly elapsedMs: number
}

/** Shows the steps of the agent's work until the last. */
async function followed(
  context: Context,
  label: string,
  steps: AsyncIterable<Step>,
): Promise<Done> {
  using meter = context.meter()
  const start = context.now()
  let last: Step = { image: '', doneBytes: 0n, totalBytes: 0n }
  for await (const step of steps) {
    last = step
    const doneBytes = Number(step.doneBytes)
    meter.show({ label, doneBytes, totalBytes: Number(step.totalBytes), detail: '' })
  }
  return { ...last, elapsedMs: context.now() - start }
}

function doneJson({ totalBytes, elapsedMs }: Done) {
  return { dataBytes: totalBytes, seconds: seconds(elapsedMs) }
}

function doneText({ totalBytes, elapsedMs }: Done): string {
  return `${bytes(totalBytes)} of data in ${duration(elapsedMs)}, ${rate(totalBytes, elapsedMs)}`
}
