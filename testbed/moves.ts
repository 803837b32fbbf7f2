/** What one step of the demo moved. */
export interface Move {
  readonly step: string
  readonly rawBytes: number
  readonly portalBytes: number
  readonly peerBytes: number
  /** What the whole image takes, compressed. */
  readonly wholeBytes: number
  readonly seconds: number
}

const headings = ['Step', 'Data', 'From portal', 'From peers', 'Moved, of whole', 'Time', 'Speed']

/** The steps as a table for people. */
export function renderMoves(moves: readonly Move[]): string {
  const rows = moves.map((move) => {
    const moved = move.portalBytes + move.peerBytes
    return [
      move.step,
      size(move.rawBytes),
      size(move.portalBytes),
      size(move.peerBytes),
      moved === 0 && move.wholeBytes === 0
        ? '-'
        : `${((100 * moved) / move.wholeBytes).toFixed(1)} %`,
      `${move.seconds.toFixed(1)} s`,
      `${size(move.rawBytes / move.seconds)}/s`,
    ]
  })
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
  const rule = widths.map((width) => '-'.repeat(width))
  return [headings, rule, ...rows].map(line).join('\n')
}

export function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(0)} kB` : `${bytes.toFixed(0)} B`
}
