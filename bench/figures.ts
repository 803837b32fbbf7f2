import type { Peaks } from './ours.ts'
import type { Measure } from './peer.ts'

/** What the figures are of. */
export interface Setting {
  readonly what: string
  readonly sizeBytes: number
  readonly dataBytes: number
  readonly commit: string
  readonly machine: string
  readonly rounds: number
}

/** The figures as Markdown, ready for docs/benchmarks.md. */
export function renderFigures(
  figures: ReadonlyMap<string, readonly Measure[]>,
  peaks: readonly Peaks[],
  setting: Setting,
): string {
  const rows = [...figures]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, measures]) => row(name, measures, setting.dataBytes))
  const most = (of: (peak: Peaks) => number): string => megabytes(Math.max(...peaks.map(of)))
  return `Commit ${setting.commit}, ${setting.machine}, median of ${setting.rounds} rounds in shuffled order after a warm-up.
Image: ${setting.what}; ${megabytes(setting.sizeBytes)} with ${megabytes(setting.dataBytes)} allocated.

| step | seconds (least – most) | MB/s of data | MB on the wire |
|---|---|---|---|
${rows.join('\n')}

Most memory: portal ${most(({ portalBytes }) => portalBytes)}, agent ${most(({ agentBytes }) => agentBytes)}.
`
}

function row(name: string, measures: readonly Measure[], dataBytes: number): string {
  const seconds = measures.map((measure) => measure.seconds).toSorted((a, b) => a - b)
  const middle = seconds[Math.floor(seconds.length / 2)] ?? 0
  const spread = `${(seconds[0] ?? 0).toFixed(1)} – ${(seconds.at(-1) ?? 0).toFixed(1)}`
  const wire = measures[0]?.wireBytes
  const moved = wire === undefined || wire === 0 ? '–' : (wire / 1e6).toFixed(0)
  const speed = (dataBytes / 1e6 / middle).toFixed(0)
  return `| ${name} | ${middle.toFixed(1)} (${spread}) | ${speed} | ${moved} |`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
