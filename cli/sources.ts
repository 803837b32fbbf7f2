import { basename, resolve as absolute } from 'node:path'
import { Failure } from '../lib/failure.ts'
import { parseRecipeName, renderRecipeName } from '../lib/recipes/name.ts'
import { toldProblems } from '../lib/recipes/problem.ts'
import { connect, type Remote } from '../lib/rpc/connect.ts'
import { whereIs } from '../lib/sources/address.ts'
import type { ReadSource } from '../lib/sources/parse.ts'
import {
  ScanState,
  SourceServiceService,
  type PreviewSourceScheduleResponse,
  type Scan,
  type Source,
} from '../proto/gen/merge/image/v1/source.ts'
import { command, type Context, type Paint } from './command.ts'
import { readText } from './document.ts'
import { everyItem, present } from './find.ts'
import { namespaceFlag, namespaceOf } from './recipes.ts'
import { wrongRecipe } from './recipefile.ts'
import { coloured, facts, listed } from './table.ts'
import { counted, plain, time, zoned } from './units.ts'
import { word } from './words.ts'

/** Only where it still stands as somebody saw it. */
const etagFlag = { value: 'ETAG', about: 'only if the source still has this etag' } as const

const put = command({
  verb: 'put',
  object: 'source',
  summary: 'keep a source of images, and say everything that is wrong with it',
  arguments: ['FILE'],
  flags: {
    as: { value: 'NAME', about: "the source's name, [facility/]name; the file's otherwise" },
    check: { about: 'only say whether it can be used, and keep nothing' },
    etag: {
      value: 'ETAG',
      about: 'only if it still has this etag; `new`: only if it is not there',
    },
  },
  about:
    'FILE is YAML; docs/sources.md explains every field. What is wrong is told as FILE:LINE:COLUMN, all of it at once, and\n' +
    'nothing is kept then. Its schedule begins anew, and it is no longer paused. What was imported stays known.',
  examples: ['put source ubuntu-cloud.yaml', 'put source mine.yaml --as lab1/cloud --check'],
  async run(context, [file], { as, check = false, etag = '' }) {
    const text = await readText(absolute(context.folder, file))
    const read = await asSource(text)
    if ('problems' in read) return wrongRecipe(file, read.problems)
    const name = as ?? nameOfFile(file, read.source.namespace)
    const request = { requestId: context.newId(), name, text, etag, validateOnly: check }
    try {
      const answer = await sources(context).putSource(request, { signal: context.signal })
      const source = present(answer.source)
      const told = putText(file, source, await where(source), check)
      return { json: sourceJson(source), text: () => told }
    } catch (error) {
      if (!(error instanceof Failure) || error.reason !== 'INVALID_SOURCE') throw error
      return wrongRecipe(file, toldProblems(error))
    }
  },
})

const list = command({
  verb: 'list',
  object: 'sources',
  summary: 'list the sources of images, and how their last scans ended',
  arguments: [],
  flags: { namespace: namespaceFlag },
  examples: ['list sources', 'list sources --namespace lab1'],
  async run(context, _args, flags) {
    const { signal } = context
    const namespace = namespaceOf(flags.namespace)
    const found = await everyItem(
      (page) => sources(context).listSources({ ...page, namespace }, { signal }),
      (page) => page.sources,
    )
    return listed('sources', found, sourceJson, headings, sourceCells)
  },
})

const show = command({
  verb: 'show',
  object: 'source',
  summary: 'show a source: where it looks, when, how that went, and whether it is paused',
  arguments: ['SOURCE'],
  flags: { text: { about: 'print the source as it was put, and nothing else' } },
  examples: ['show source ubuntu-cloud', 'show source ubuntu-cloud --text'],
  async run(context, [name], { text = false }) {
    const { signal } = context
    const source = present((await sources(context).getSource({ name }, { signal })).source)
    // The line that is printed ends with a newline of its own.
    if (text) return { json: sourceJson(source), text: () => source.text.trimEnd() }
    const preview = { name, count: 3, after: undefined }
    const schedule = await sources(context).previewSourceSchedule(preview, { signal })
    const json = { ...sourceJson(source), schedule }
    const place = await where(source)
    return { json, text: (paint) => shown(paint, source, place, schedule) }
  },
})

const remove = command({
  verb: 'delete',
  object: 'source',
  summary: 'end a source: it is scanned no more; what was imported stays',
  arguments: ['SOURCE'],
  flags: { etag: etagFlag },
  examples: ['delete source ubuntu-cloud'],
  async run(context, [name], { etag = '' }) {
    const request = { requestId: context.newId(), name, etag }
    const answer = await sources(context).deleteSource(request, { signal: context.signal })
    const text = `${name} is scanned no more. \`mrg-image show source ${name} --text\` still prints it.`
    return { json: sourceJson(present(answer.source)), text: () => text }
  },
})

const resume = command({
  verb: 'resume',
  object: 'source',
  summary: 'let a schedule go on that was paused because its scans or imports failed',
  arguments: ['SOURCE'],
  flags: { etag: etagFlag },
  examples: ['resume source ubuntu-cloud'],
  async run(context, [name], { etag = '' }) {
    const request = { requestId: context.newId(), name, etag }
    const answer = await sources(context).resumeSource(request, { signal: context.signal })
    const source = present(answer.source)
    return { json: sourceJson(source), text: () => `${name} is not paused; ${nextOf(source)}.` }
  },
})

export const sourceCommands = [put, list, show, remove, resume]

export function sources({ channel }: Context): Remote<SourceServiceService> {
  return connect(SourceServiceService, channel)
}

/** The name that a source is kept under if nobody says: the file's, in the namespace of its lines. */
function nameOfFile(file: string, namespace: string): string {
  const { name } = parseRecipeName(basename(file).replace(/\.ya?ml$/i, ''))
  return renderRecipeName({ namespace, name })
}

/** What reads YAML is loaded by those who need it. */
async function asSource(text: string): Promise<ReadSource> {
  const { readSource } = await import('../lib/sources/parse.ts')
  return readSource(text)
}

export function scanJson(scan: Scan) {
  return { ...scan, state: word(ScanState, scan.state) }
}

function sourceJson(source: Source) {
  return { ...source, lastScan: source.lastScan && scanJson(source.lastScan) }
}

function putText(file: string, source: Source, place: string, check: boolean): string {
  const { name, line } = source
  const what = `looks in ${place} for images of ${line}; ${nextOf(source)}`
  if (check) return `${file} can be used: ${name} then ${what}.`
  return `${name} ${what}.\n\`mrg-image scan source ${name} --preview\` says what it would import, without \`--preview\` it does.`
}

async function where({ text, kind }: Source): Promise<string> {
  const read = await asSource(text)
  return 'source' in read ? plain(`${kind} ${whereIs(read.source.place)}`) : kind
}

function nextOf({ nextTime, timeZone, cron }: Source): string {
  if (nextTime !== undefined) return `the next scan is ${zoned(nextTime, timeZone)}`
  return cron === '' ? 'it has no schedule' : 'its schedule names no time'
}

const headings = ['Source', 'Kind', 'Line', 'Next', 'Schedule', 'Last scan', 'Found']

function sourceCells(source: Source, paint: Paint): readonly string[] {
  const { name, kind, line, nextTime, timeZone, lastScan } = source
  const next = nextTime === undefined ? '-' : zoned(nextTime, timeZone)
  const found = lastScan === undefined ? ['-', '-'] : [scanText(paint, lastScan), foundIn(lastScan)]
  return [name, kind, line, next, scheduleState(source, paint), ...found]
}

function scheduleState({ cron, paused, failures }: Source, paint: Paint): string {
  if (paused !== '') return paint('red', 'paused')
  if (failures > 0) return paint('yellow', `${counted(failures, 'failure')} in a row`)
  return cron === '' ? '-' : paint('green', 'goes on')
}

function scanText(paint: Paint, { state, endTime, createTime }: Scan): string {
  return `${coloured(paint, word(ScanState, state))} ${time(endTime ?? createTime)}`
}

function foundIn({ state, items, message }: Scan): string {
  if (state === ScanState.SCAN_STATE_FAILED) return plain(message)
  return state === ScanState.SCAN_STATE_DONE ? counted(items, 'item') : '-'
}

function shown(
  paint: Paint,
  source: Source,
  place: string,
  { times }: PreviewSourceScheduleResponse,
): string {
  const { name, version, creator, createTime, line, cron, timeZone, lastScan: last } = source
  const resting = source.paused !== '' || source.deleteTime !== undefined
  const next = times.map((at) => zoned(at, timeZone)).join(', ')
  const optional = [
    ['Next', cron === '' ? '' : resting ? 'not by itself' : next || 'never'],
    ['Paused', source.paused === '' ? '' : paint('red', plain(source.paused))],
    ['Failed', source.failures === 0 ? '' : `${counted(source.failures, 'time')} in a row`],
    ['Deleted', source.deleteTime === undefined ? '' : time(source.deleteTime)],
    ['Last scan', last === undefined ? '' : `${scanText(paint, last)}: ${foundIn(last)}`],
    ['Imports', last === undefined ? '' : last.builds.join(', ')],
  ] as const
  const about = facts(paint, [
    ['Source', paint('bold', name)],
    ['Version', `${version}, put ${time(createTime)} by ${plain(creator)}`],
    ['Looks in', place],
    ['Images of', line],
    ['Schedule', cron === '' ? 'none' : `${cron} in ${timeZone}`],
    ...optional.filter(([, value]) => value !== ''),
    ['Etag', source.etag],
  ])
  return `${about}\n\n\`mrg-image list items ${name}\` shows what was found.`
}
