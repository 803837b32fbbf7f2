import { connect } from '../lib/rpc/connect.ts'
import {
  ImageServiceService,
  type ChunkSum,
  type DiffImagesResponse,
  type Image,
  type PackageChange,
} from '../proto/gen/merge/image/v1/image.ts'
import { command, type Paint } from './command.ts'
import { exactName, present } from './find.ts'
import { imageJson } from './json.ts'
import { facts, rowsOf, table } from './table.ts'
import { bytes, counted, plain, share } from './units.ts'

export const diff = command({
  verb: 'diff',
  object: 'image',
  summary: 'say what two images have in common, and what a sync from one to the other moves',
  arguments: ['FROM', 'TO'],
  flags: {},
  about:
    'FROM and TO are references. Shared are chunks that both have: whoever has FROM fetches for TO what is added, no more.\n' +
    'Packages are compared where both images were published with --packages.',
  examples: ['diff debian-13-20260601 debian-13', 'diff ubuntu-2204 ubuntu-2404 --json'],
  async run(context, [older, newer]) {
    const names = { from: await exactName(context, older), to: await exactName(context, newer) }
    const images = connect(ImageServiceService, context.channel)
    const answer = await images.diffImages(names, { signal: context.signal })
    const { from, to } = { from: present(answer.from), to: present(answer.to) }
    const json = { ...answer, from: imageJson(from), to: imageJson(to) }
    return { json, text: (paint) => compared(paint, answer) }
  },
})

function compared(paint: Paint, answer: DiffImagesResponse): string {
  const [from, to] = [present(answer.from), present(answer.to)]
  const added = present(answer.added)
  // What a facility stores is known to it alone.
  const cost =
    added.unsizedChunks > 0n
      ? `${bytes(added.rawBytes)} of data, compressed`
      : `${bytes(added.storedBytes)}, ${share(added.storedBytes, to.storedBytes)} of it`
  const sentence =
    from.digest === to.digest
      ? 'Their content is the same.'
      : `Whoever has the first fetches ${cost}, for the second.`
  const width = Math.max(from.name.length, to.name.length)
  const titled = ({ name, displayName }: Image): string =>
    `${paint('bold', name)}${' '.repeat(width - name.length)}  ${plain(displayName)}`
  return [
    facts(paint, [
      ['From', titled(from)],
      ['To', titled(to)],
    ]),
    sums(paint, answer),
    sentence,
    packages(paint, answer),
  ].join('\n\n')
}

function sums(paint: Paint, { shared, added, removed }: DiffImagesResponse): string {
  const parts = { shared, added, removed }
  const rows = Object.entries(parts).map(([what, sum]) => [what, ...sizes(present(sum))])
  return table(paint, ['Chunks', '>Count', '>Data', '>Stored'], rows)
}

function sizes({ chunks, rawBytes, storedBytes, unsizedChunks }: ChunkSum): readonly string[] {
  return [String(chunks), bytes(rawBytes), unsizedChunks > 0n ? 'unknown' : bytes(storedBytes)]
}

function packages(paint: Paint, { packagesKnown, packages }: DiffImagesResponse): string {
  if (!packagesKnown) {
    return 'Their packages cannot be compared: not both were published with --packages.'
  }
  if (packages.length === 0) return 'Their packages are the same.'
  const headings = ['Package', 'From', 'To']
  const cells = ({ package: name, fromVersion, toVersion }: PackageChange): readonly string[] => [
    plain(name),
    plain(fromVersion),
    plain(toVersion),
  ]
  return `${counts(packages)}\n\n${rowsOf(paint, 'packages', headings, packages, cells)}`
}

/** `12 packages changed, 3 are new, 1 is gone.` */
function counts(packages: readonly PackageChange[]): string {
  const fresh = packages.filter(({ fromVersion }) => fromVersion === '').length
  const gone = packages.filter(({ toVersion }) => toVersion === '').length
  const changed = packages.length - fresh - gone
  return `${counted(changed, 'package')} changed, ${fresh} new, ${gone} gone.`
}
