import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  LocalServiceService,
  type EvictionItem,
  type EvictResponse,
} from '../proto/gen/merge/image/v1/local.ts'
import { command, type Context, type Paint } from './command.ts'
import { rowsOf } from './table.ts'
import { bytes, counted, plain, time } from './units.ts'

const drop = command({
  verb: 'drop',
  object: 'image',
  summary: 'have the facility hold an image no longer',
  arguments: ['REF'],
  flags: {},
  about:
    'It stays here until its room is needed; `mrs-image evict IMAGE` lets it go now. `mrs-image pull` has it held again.',
  examples: ['drop debian-13.1-std-x86-20260615'],
  async run(context, [reference]) {
    const { image } = await local(context).drop({ reference }, { signal: context.signal })
    return { json: { image }, text: () => `${image} is not wanted here any more.` }
  },
})

const evict = command({
  verb: 'evict',
  object: 'image',
  summary: 'let images go that are here and not wanted, and give their space back',
  arguments: ['[IMAGE]...'],
  flags: { 'dry-run': { about: 'only say what would go, and why the others stay' } },
  about:
    'Without IMAGE those that were used longest ago, until the store is down to its low-water mark.\n' +
    'Never what is wanted here, in use, or the last copy: the portal is asked. It exits with 1 if an IMAGE stays.',
  examples: ['evict --dry-run', 'evict', 'evict debian-13.1-std-x86-20260615'],
  async run(context, references, { 'dry-run': validateOnly = false }) {
    const { signal } = context
    const request = { references: [...references], validateOnly }
    const done = await local(context).evict(request, { signal, deadlineMs: longestMs })
    const stays = references.length > 0 && done.items.some(({ goes }) => !goes)
    return {
      json: { ...done, dryRun: validateOnly },
      text: (paint) => evictionText(paint, done, validateOnly),
      ...(stays ? { exit: 1 as const } : {}),
    }
  },
})

/** Giving space back may rewrite much. */
const longestMs = 6 * 3_600_000

export const spaceCommands = [drop, evict]

function local({ channel }: Context): Remote<LocalServiceService> {
  return connect(LocalServiceService, channel)
}

function evictionText(paint: Paint, done: EvictResponse, rehearsed: boolean): string {
  const headings = ['Image', rehearsed ? 'Would' : 'Did', '>Frees', 'Used', 'Why']
  const cells = ({ image, goes, message, freedBytes, useTime }: EvictionItem) => [
    image,
    paint(goes ? 'yellow' : 'green', goes ? 'go' : 'stay'),
    goes ? bytes(freedBytes) : '-',
    time(useTime),
    plain(message),
  ]
  const count = done.items.filter(({ goes }) => goes).length
  const verb = rehearsed ? 'would go' : count === 1 ? 'has gone' : 'have gone'
  const sum = `${counted(count, 'image')} ${verb}: ${bytes(done.freedBytes)} of chunks that nothing else here needs.`
  return `${rowsOf(paint, 'images', headings, done.items, cells)}\n\n${sum}`
}
