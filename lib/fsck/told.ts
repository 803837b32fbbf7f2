import type { Finding, Flaw } from './findings.ts'
import type { FsckReport } from './fsck.ts'

/** What a flaw is, in the table, and what to do about it where --repair was not given or cannot help. */
const words: Readonly<Record<Flaw, { readonly is: string; readonly then: string }>> = {
  'unrecorded pack': {
    is: 'pack that no row names',
    then: 'A pack that no row names is what a crash leaves, or lost rows: --repair records it from its own index.',
  },
  'lost pack': {
    is: 'pack that is gone',
    then: 'What lay in a pack that is gone is fetched again from whoever has it, once --repair has noted that and the service runs.',
  },
  'damaged pack': {
    is: 'damaged pack',
    then: 'A damaged pack that rows name is written anew by the scrub of the running service: `mrg-image scrub` at a portal, `mrs-image scrub` at an agent. One that no row names may be deleted.',
  },
  'misplaced chunks': {
    is: 'rows that say otherwise than their pack',
    then: 'Rows that say otherwise than their pack are corrected by --repair.',
  },
  'damaged chunks': {
    is: 'damaged chunks',
    then: 'Damaged chunks are fetched again from whoever has them once they are noted (--repair) and the service runs; the images that need them are shown by `show integrity` of mrg-image or mrs-image.',
  },
  'damaged manifest': {
    is: 'damaged manifest',
    then: 'A damaged manifest is fetched anew by an agent once --repair has forgotten it. A portal restores its row from a backup of the database; if there is none, publish the image again.',
  },
  'missing manifest': {
    is: 'manifest that is gone',
    then: 'An agent fetches a manifest that is gone once --repair has forgotten its image.',
  },
  'missing chunks': {
    is: 'chunks that are gone',
    then: 'For chunks that are gone --repair searches the packs. What is in none: start the service; at a portal publish the same file again, at an agent `mrs-image verify` the image: it fetches them from whoever has them.',
  },
  'unguarded chunks': {
    is: 'chunks that are needed and could be collected',
    then: 'Chunks that are needed and could be collected are tied to their image again by --repair. Do that before the service starts, or start it with --collect-every 0.',
  },
  'lost delta': {
    is: 'deltas that are gone',
    then: 'Deltas only save bytes: --repair forgets those that are gone.',
  },
  'stray delta': {
    is: 'deltas that no row names',
    then: 'Deltas that no row names are deleted by --repair.',
  },
}

/** The report for people: what was looked at, what is wrong, and what to do. */
export function reportText(report: FsckReport): string {
  const { findings } = report
  const looked = `Looked at ${counted(report.packs, 'pack')} of ${report.bytes} bytes with ${counted(report.chunks, 'recorded chunk')}, and ${counted(report.manifests, 'manifest')} of ${counted(report.images, 'image')}${report.read ? '; every chunk was read' : ''}.`
  if (findings.length === 0) return `${looked} Nothing is wrong.`
  const left = findings.filter(({ outcome }) => outcome === 'left')
  const wrong = `${counted(findings.length, 'thing')} ${findings.length === 1 ? 'is' : 'are'} wrong`
  const advice = [...new Set(left.map(({ flaw }) => words[flaw].then))]
  const noted = findings.some(({ outcome }) => outcome === 'noted') ? [serviceMends] : []
  const told = report.repair ? `${wrong}: ${outcomesOf(findings)}.` : `${wrong}.`
  return [`${looked} ${told}`, tableOf(findings), ...noted, ...advice].join('\n\n')
}

const serviceMends =
  'What is noted is fetched again from whoever has it within a minute once the service runs.'

/** `2 repaired, 1 noted, 1 left` */
function outcomesOf(findings: readonly Finding[]): string {
  return (['repaired', 'noted', 'left'] as const)
    .map((outcome) => [findings.filter((each) => each.outcome === outcome).length, outcome])
    .filter(([count]) => count !== 0)
    .map(([count, outcome]) => `${count} ${outcome}`)
    .join(', ')
}

/** 0 where nothing is left to do. */
export function exitCode({ findings }: FsckReport): 0 | 1 {
  return findings.some(({ outcome }) => outcome === 'left') ? 1 : 0
}

function tableOf(findings: readonly Finding[]): string {
  const head = ['What', 'Where', 'Chunks', 'Outcome', 'Exactly']
  const rows = findings.map(({ flaw, where, chunks, outcome, detail }) => [
    words[flaw].is,
    where,
    chunks === 0 ? '-' : String(chunks),
    outcome,
    detail,
  ])
  const rule = head.map((title) => '-'.repeat(title.length))
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  return [head, rule, ...rows]
    .map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n')
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}
