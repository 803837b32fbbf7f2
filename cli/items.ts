import {
  ScanState,
  ItemFate,
  type Scan,
  type SourceItem,
} from '../proto/gen/merge/image/v1/source.ts'
import { command, type Context, type Paint } from './command.ts'
import { everyItem, present } from './find.ts'
import { buildJson } from './json.ts'
import { scanJson, sources } from './sources.ts'
import { coloured, listed, rowsOf } from './table.ts'
import { bytes, counted, plain } from './units.ts'
import { watched } from './watch.ts'
import { word } from './words.ts'

const allFlag = { about: 'also what is no disk by its pattern' } as const

const scan = command({
  verb: 'scan',
  object: 'source',
  summary: 'look at a source now, and import what it wants',
  arguments: ['SOURCE'],
  flags: {
    preview: { about: 'only look, and say what would be imported as what' },
    all: allFlag,
    async: { about: 'do not wait until it has been looked at' },
  },
  about:
    "An agent looks: the portal's own for the portal's sources, a facility's for its own, started with --import. Imports are\n" +
    'builds: `mrg-image watch build` shows how each goes.',
  examples: ['scan source ubuntu-cloud --preview', 'scan source lab1/cloud'],
  async run(context, [source], { preview = false, all = false, async = false }) {
    const { signal } = context
    const request = { requestId: context.newId(), source, preview }
    const asked = present((await sources(context).scanSource(request, { signal })).scan)
    if (async) {
      const text = `${asked.name} waits for an agent: \`mrg-image show source ${source}\` says how it ends.`
      return { json: scanJson(asked), text: () => text }
    }
    const ended = await toItsEnd(context, asked)
    const items = shownOf(await itemsOf(context, source), all)
    const json = { ...scanJson(ended), found: items.map(itemJson) }
    if (ended.state === ScanState.SCAN_STATE_FAILED) {
      const text = `${source} could not be looked at: ${plain(ended.message)}`
      return { json: scanJson(ended), text: () => text, exit: 1 }
    }
    return { json, text: (paint) => scanText(paint, source, ended, items) }
  },
})

const list = command({
  verb: 'list',
  object: 'items',
  summary: 'list what the last scan of a source found, and what becomes of it',
  arguments: ['SOURCE'],
  flags: { all: allFlag },
  examples: ['list items ubuntu-cloud', 'list items ubuntu-cloud --all'],
  async run(context, [source], { all = false }) {
    const items = shownOf(await itemsOf(context, source), all)
    return listed('items', items, itemJson, headings, itemCells)
  },
})

const importItem = command({
  verb: 'import',
  object: 'source',
  isSpelled: true,
  summary: 'import what a source wants of what it found last, or one item of it',
  arguments: ['SOURCE', '[ITEM]'],
  flags: {
    watch: { about: 'print the log of an ITEM, and wait until it is imported' },
    force: { about: 'also an ITEM that was imported before' },
    reason: { value: 'TEXT', about: 'why, for those who look at the build' },
  },
  examples: ['import source ubuntu-cloud', 'import source cloud 24.04/disk-20240601.img --watch'],
  async run(context, [source, item = ''], { watch = false, force = false, reason = '' }) {
    const request = { requestId: context.newId(), source, item, force, reason }
    const { builds } = await sources(context).importImage(request, { signal: context.signal })
    const [first] = builds
    if (watch && item !== '' && first !== undefined) return watched(context, first.name)
    const lines = builds.map(({ name, target }) => `${name} imports ${target}.`)
    const next = `\`mrg-image watch build ${first?.name ?? ''}\` shows how it goes.`
    const none = `There is nothing to import of ${source}.`
    return {
      json: builds.map(buildJson),
      text: () => (first === undefined ? none : [...lines, next].join('\n')),
    }
  },
})

export const itemCommands = [scan, list, importItem]

async function toItsEnd(context: Context, { name }: Scan): Promise<Scan> {
  const { signal, note } = context
  for (let told = false; ;) {
    const request = { name, waitSeconds: 10 }
    const found = present((await sources(context).getScan(request, { signal })).scan)
    if (found.endTime !== undefined) return found
    if (!told && found.state === ScanState.SCAN_STATE_QUEUED) {
      note(`${name} waits for an agent that was started with --import.`)
      told = true
    }
  }
}

function itemsOf(context: Context, source: string): Promise<readonly SourceItem[]> {
  const { signal } = context
  return everyItem(
    (page) => sources(context).listSourceItems({ ...page, source }, { signal }),
    (page) => page.items,
  )
}

const { ITEM_FATE_UNFIT: unfit, ITEM_FATE_PART: part } = ItemFate

/** Those that somebody meant. */
export function shownOf(items: readonly SourceItem[], all: boolean): readonly SourceItem[] {
  return items.filter(({ fate }) => all || (fate !== unfit && fate !== part))
}

/** What a scan found, and what comes of it. */
export function scanText(
  paint: Paint,
  source: string,
  { preview, items: count, message, builds }: Scan,
  items: readonly SourceItem[],
): string {
  const wanted = items.filter(({ fate }) => fate === ItemFate.ITEM_FATE_WANTED).length
  const would = `${counted(wanted, 'import')} would be queued, and nothing was moved.`
  const queued =
    builds.length === 0
      ? 'There is nothing to import.'
      : `${counted(builds.length, 'import')} queued: ${builds.map((build) => `\`mrg-image watch build ${build}\``).join(', ')}`
  return [
    rowsOf(paint, 'items that fit', headings, items, itemCells),
    ...(message === '' ? [] : [plain(message)]),
    `${source} has ${counted(count, 'item')}. ${preview ? would : queued}`,
  ].join('\n\n')
}

export function itemJson(item: SourceItem) {
  return { ...item, fate: fateOf(item) }
}

function fateOf({ fate }: SourceItem): string {
  return word(ItemFate, fate).replaceAll('_', ' ')
}

const headings = ['Item', '>Size', 'As', 'Fate', 'Why']

function itemCells(item: SourceItem, paint: Paint): readonly string[] {
  const { name, sizeBytes, target, day, image, reason } = item
  const as = image || (target === '' ? '-' : `${target}${day === '' ? '' : `-${day}`}`)
  const size = sizeBytes === 0n ? '-' : bytes(sizeBytes)
  return [plain(name), size, as, coloured(paint, fateOf(item)), plain(reason)]
}
