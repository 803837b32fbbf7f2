import { basename, resolve as absolute } from 'node:path'
import { unavailable } from '../lib/failure.ts'
import { containers } from '../lib/images/format.ts'
import { connect, type Remote } from '../lib/rpc/connect.ts'
import type { Build } from '../proto/gen/merge/image/v1/build.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { LocalServiceService } from '../proto/gen/merge/image/v1/local.ts'
import { command, type Answer, type Context } from './command.ts'
import { labelsFlag, parseLabelsFlag } from './labelled.ts'
import { readText } from './document.ts'
import { imageJson } from './json.ts'
import { logLines } from './loglines.ts'
import { readPackages } from './packages.ts'
import { parseSize } from './size.ts'
import { facts } from './table.ts'
import { bytes, duration, seconds, time } from './units.ts'
import { UsageError } from './usage.ts'
import { ended, exitsAsItEnds } from './watch.ts'

// What a facility makes itself: images that stay in its own store.

const push = command({
  verb: 'push',
  object: 'image',
  summary: "make an image of the facility's own of a disk, in its own store",
  arguments: ['FILE'],
  flags: {
    as: { value: 'TARGET', about: 'what it is: distro and release at least', required: true },
    format: {
      value: 'FORMAT',
      about: 'what FILE is; its name says it otherwise',
      choices: containers,
    },
    'max-size': { value: 'SIZE', about: 'the largest disk FILE may unpack to (128G)' },
    'with-kernel': { value: 'FILE', about: 'a kernel to go with it' },
    'with-initramfs': { value: 'FILE', about: 'an initramfs to go with it' },
    packages: { value: 'FILE', about: 'the packages in it, as `dpkg-query -W` lists them' },
    parent: { value: 'IMAGE', about: 'the exact name of the image that it was made of' },
    notes: { value: 'TEXT', about: 'what to say about it' },
    labels: labelsFlag,
    days: { value: 'DAYS', about: 'how long it is kept; as usual at the facility if not given' },
    shared: { about: 'let other facilities have it' },
    candidate: { about: 'do not release it yet: only its exact name finds it' },
  },
  about:
    "TARGET is in the facility's namespace, whether it says so or not. The bytes stay here: the portal learns that the\n" +
    'image is there, and gets none of it. The agent reads the files, so its user must be allowed to.',
  examples: [
    'push disk.qcow2 --as debian-13-mytools-x86',
    'push disk.raw --as lab1/debian-13-mytools-x86 --with-kernel vmlinuz --with-initramfs initrd.img --shared',
  ],
  async run(context, [file], { as: target, notes = '', candidate = false, ...more }) {
    const { folder, signal, now } = context
    const at = (path: string | undefined): string =>
      path === undefined ? '' : absolute(folder, path)
    const most = more['max-size']
    const start = now()
    using meter = context.meter()
    let image: Image | undefined
    for await (const step of local(context).push(
      {
        ...{ target, notes, candidate, rootfs: at(file), format: more.format ?? '' },
        ...{
          kernel: at(more['with-kernel']),
          initramfs: at(more['with-initramfs']),
          parent: more.parent ?? '',
        },
        maxBytes: most === undefined ? 0n : BigInt(parseSize('--max-size', most, help('push'))),
        packages: more.packages === undefined ? [] : await readPackages(at(more.packages)),
        labels: parseLabelsFlag('--labels', more.labels, help('push')),
        days: parseDays(more.days, 'push'),
        shared: more.shared ?? false,
      },
      { signal },
    )) {
      const [doneBytes, totalBytes] = [Number(step.readBytes), Number(step.totalBytes)]
      const detail = `${bytes(step.newBytes)} new`
      meter.show({ label: `pushing ${target}`, doneBytes, totalBytes, detail })
      image = step.image ?? image
    }
    if (image === undefined) throw stoppedTelling()
    return pushed(image, now() - start)
  },
})

const build = command({
  verb: 'build',
  object: 'image',
  summary: "build a recipe of the facility's own here, and watch how it goes",
  arguments: ['RECIPE'],
  flags: {
    name: { value: 'NAME', about: "the recipe's name; that of the file if not given" },
    force: { about: 'make an image even if the packages are those of the last one' },
    reason: { value: 'TEXT', about: 'why, for who reads it later' },
  },
  about:
    "The recipe is kept at the portal under the facility's name; the image stays in the facility's own store.\n" +
    `The log is printed as it comes. ${exitsAsItEnds}`,
  examples: ['build mytools.yaml', 'build mytools.yaml --name tools --force'],
  async run(context, [file], { name, force = false, reason = '' }) {
    const path = absolute(context.folder, file)
    const request = {
      ...{ text: await readText(path), force, reason },
      name: name ?? basename(path).replace(/\.ya?ml$/, ''),
    }
    const lines = logLines(context.print)
    let last: Build | undefined
    for await (const { build: news, log } of local(context).build(request, {
      signal: context.signal,
    })) {
      last = news ?? last
      lines.add(log)
    }
    lines.end()
    if (last === undefined) throw stoppedTelling()
    return ended(last)
  },
})

export const ownCommands = [push, build]

function local({ channel }: Context): Remote<LocalServiceService> {
  return connect(LocalServiceService, channel)
}

function help(verb: string): string {
  return `mrs-image ${verb} --help`
}

function stoppedTelling() {
  return unavailable(
    'NOT_READY',
    'The agent stopped telling before the end; `mrs-image list` shows what is here.',
  )
}

export function parseDays(text: string | undefined, verb: string): number {
  if (text === undefined) return 0
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= 366) return Number(text)
  throw new UsageError(`--days is a count from 1 to 366, and "${text}" is none`, help(verb))
}

function pushed(image: Image, ms: number): Answer {
  const { name, digest, storedBytes, custom } = image
  return {
    json: { image: imageJson(image), seconds: seconds(ms) },
    text: (paint) =>
      `${paint('bold', name)} is here.\n\n` +
      facts(paint, [
        ['Digest', digest],
        ['Stored', bytes(storedBytes)],
        ['Kept until', time(custom?.expireTime)],
        ['Shared', custom?.shared === true ? 'yes' : 'no'],
        ['Took', duration(ms)],
      ]),
  }
}
