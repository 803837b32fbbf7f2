import { basename, resolve as absolute } from 'node:path'
import { unavailable } from '../lib/failure.ts'
import { connect } from '../lib/rpc/connect.ts'
import { BuildState, type Build } from '../proto/gen/merge/image/v1/build.ts'
import { LocalServiceService } from '../proto/gen/merge/image/v1/local.ts'
import { ScanState, type Scan, type SourceItem } from '../proto/gen/merge/image/v1/source.ts'
import { command, type Answer } from './command.ts'
import { readText } from './document.ts'
import { itemJson, scanText, shownOf } from './items.ts'
import { buildJson } from './json.ts'
import { logLines } from './loglines.ts'
import { scanJson } from './sources.ts'
import { plain } from './units.ts'
import { ended } from './watch.ts'

const importSource = command({
  verb: 'import',
  object: 'source',
  isSpelled: true,
  summary: "look at a source of the facility's own here, and import what it wants",
  arguments: ['FILE'],
  flags: {
    name: { value: 'NAME', about: "the source's name; that of the file if not given" },
    preview: { about: 'only look, and say what would be imported as what' },
    all: { about: 'also tell what does not fit its pattern' },
  },
  about:
    "The source is kept at the portal under the facility's name, with its schedule; the images stay in the facility's own\n" +
    'store. The agent has to be started with --import, and with --import-from for a folder. Logs are printed as they come.\n' +
    'Ends with 1 if an import failed. Interrupted, it leaves the imports alone.',
  examples: ['import source cloud.yaml --preview', 'import source cloud.yaml --name ubuntu'],
  async run(context, [file], { name, preview = false, all = false }) {
    const path = absolute(context.folder, file)
    const text = await readText(path)
    const called = name ?? basename(path).replace(/\.ya?ml$/, '')
    const local = connect(LocalServiceService, context.channel)
    const lines = logLines(context.print)
    const builds = new Map<string, Build>()
    const items: SourceItem[] = []
    let scan: Scan | undefined
    const request = { name: called, text, preview }
    for await (const news of local.importSource(request, { signal: context.signal })) {
      scan = news.scan ?? scan
      items.push(...news.items)
      if (news.build !== undefined) builds.set(news.build.name, news.build)
      lines.add(news.log)
    }
    lines.end()
    if (scan === undefined) {
      throw unavailable('NOT_READY', 'The agent stopped telling before the scan had ended.')
    }
    return told(scan, shownOf(items, all), [...builds.values()])
  },
})

export const ownSourceCommands = [importSource]

function told(scan: Scan, items: readonly SourceItem[], builds: readonly Build[]): Answer {
  const { source, message } = scan
  if (scan.state === ScanState.SCAN_STATE_FAILED) {
    const text = `${source} could not be looked at: ${plain(message)}`
    return { json: scanJson(scan), text: () => text, exit: 1 }
  }
  const isWell = builds.every(({ state }) => state !== BuildState.BUILD_STATE_FAILED)
  return {
    json: { ...scanJson(scan), found: items.map(itemJson), builds: builds.map(buildJson) },
    text: (paint) =>
      [
        ...builds.map((build) => ended(build).text(paint)),
        ...(builds.length === 0 ? [scanText(paint, source, scan, items)] : []),
      ].join('\n'),
    ...(isWell ? {} : { exit: 1 as const }),
  }
}
