import { unavailable } from '../lib/failure.ts'
import { connect } from '../lib/rpc/connect.ts'
import {
  IntegrityServiceService,
  type GetIntegrityResponse,
  type ScrubProgress,
  type ScrubReport,
} from '../proto/gen/merge/image/v1/integrity.ts'
import { command, type Paint } from './command.ts'
import type { Progress } from './progress.ts'
import { facts, table } from './table.ts'
import { bytes, counted, duration, rate, seconds, share, time } from './units.ts'

const scrub = command({
  verb: 'scrub',
  summary: 'read all that is stored, and repair what is damaged',
  arguments: [],
  flags: {},
  about: `It is done by itself once a week as it is usually set, at the rate that --scrub-rate of the service says. Where a
pass is under way, this follows it. A good copy of what is damaged comes from whoever has one. An interrupted
pass goes on where it was.`,
  examples: ['scrub', 'scrub --json'],
  async run(context) {
    using meter = context.meter()
    const start = context.now()
    const integrity = connect(IntegrityServiceService, context.channel)
    for await (const { progress, report } of integrity.scrub({}, { signal: context.signal })) {
      if (progress !== undefined) meter.show(shown(progress))
      if (report === undefined) continue
      const elapsedMs = context.now() - start
      return {
        json: { ...report, seconds: seconds(elapsedMs) },
        text: (paint) => `${outcome(report)}\n\n${reportText(paint, report, elapsedMs)}`,
        ...(report.leftChunks > 0n ? { exit: 1 } : {}),
      }
    }
    throw unavailable('NOT_READY', 'The scrub ended without a report.')
  },
})

const show = command({
  verb: 'show',
  object: 'integrity',
  summary: 'say when all that is stored was read last, and what is damaged',
  arguments: [],
  flags: {},
  examples: ['show integrity', 'show integrity --json'],
  async run({ channel, signal }) {
    const known = await connect(IntegrityServiceService, channel).getIntegrity({}, { signal })
    return {
      json: known,
      text: (paint) => integrityText(paint, known),
      ...(known.damagedChunks > 0n ? { exit: 1 } : {}),
    }
  },
})

export const integrityCommands = [scrub, show]

/** One line of it, for a status. */
export function integrityLine(paint: Paint, known: GetIntegrityResponse): string {
  const { lastPass, currentPass, damagedChunks, imageCount } = known
  const when = lastPass === undefined ? 'not all read yet' : `all read ${dayOf(lastPass)}`
  const now = currentPass === undefined ? '' : `, ${doneShare(currentPass)} of the next`
  if (damagedChunks === 0n) return `${paint('green', 'no damage known')}, ${when}${now}`
  const needing = `${counted(imageCount, 'image')} ${imageCount === 1 ? 'needs' : 'need'} them`
  return `${paint('red', `${counted(damagedChunks, 'chunk')} damaged`)}, ${needing}; ${when}${now}`
}

function shown(at: ScrubProgress): Progress {
  const { damagedChunks, repairedChunks, leftChunks } = at
  const found = `${damagedChunks} damaged, ${repairedChunks} repaired, ${leftChunks} left`
  return {
    label: 'scrubbing',
    doneBytes: Number(at.doneBytes),
    totalBytes: Number(at.totalBytes),
    detail: damagedChunks + repairedChunks + leftChunks === 0n ? 'no damage' : found,
  }
}

function outcome({ damagedChunks, repairedChunks, leftChunks }: ScrubReport): string {
  if (damagedChunks + repairedChunks + leftChunks === 0n) return 'All that is stored is as it was.'
  const found = `${counted(damagedChunks, 'chunk')} ${damagedChunks === 1n ? 'was' : 'were'} found damaged`
  if (leftChunks === 0n) return `${found}; ${repairedChunks} repaired, none is left.`
  return `${found}; ${repairedChunks} repaired. ${counted(leftChunks, 'chunk')} stay${leftChunks === 1n ? 's' : ''} damaged: nobody who could be reached has a good copy. It is asked for again every minute; publishing the same file again brings it too.`
}

function reportText(paint: Paint, report: ScrubReport, elapsedMs: number): string {
  return facts(paint, [
    ['Read', `${bytes(report.bytes)} in ${counted(report.packs, 'pack')}`],
    ['Took', `${duration(elapsedMs)}, ${rate(report.bytes, elapsedMs)}`],
    ...chunkFacts(report),
  ])
}

function chunkFacts(report: ScrubReport): readonly (readonly [string, string])[] {
  return [
    ['Found damaged', counted(report.damagedChunks, 'chunk')],
    ['Repaired', counted(report.repairedChunks, 'chunk')],
    ['Left', counted(report.leftChunks, 'chunk')],
  ]
}

function integrityText(paint: Paint, known: GetIntegrityResponse): string {
  const { lastPass, currentPass, damagedChunks, images, imageCount } = known
  const damaged = counted(damagedChunks, 'chunk')
  const parts = [
    facts(paint, [
      ['Damaged now', damagedChunks === 0n ? paint('green', 'nothing') : paint('red', damaged)],
      ['Read last', lastPass === undefined ? 'not yet' : readText(lastPass)],
      ['Reading', currentPass === undefined ? 'not now' : farText(currentPass)],
      ...(lastPass === undefined ? [] : chunkFacts(lastPass)),
    ]),
  ]
  if (images.length > 0) {
    const more = imageCount > images.length ? [[`and ${imageCount - images.length} more`]] : []
    parts.push(table(paint, ['Images that need them'], [...images.map((name) => [name]), ...more]))
  }
  return parts.join('\n\n')
}

function readText(report: ScrubReport): string {
  return `${dayOf(report)}: ${bytes(report.bytes)} in ${counted(report.packs, 'pack')}`
}

function farText(at: ScrubProgress): string {
  return `${doneShare(at)}: ${bytes(at.doneBytes)} of ${bytes(at.totalBytes)}`
}

function doneShare({ doneBytes, totalBytes }: ScrubProgress): string {
  return share(doneBytes, totalBytes)
}

function dayOf({ endTime }: ScrubReport): string {
  return time(endTime)
}
