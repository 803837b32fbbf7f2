import { placeInLine, type Piece } from './pieces.ts'

/** The place of this one for a piece: 0 if it is its own. */
export type Line = (piece: Piece) => number

/** The line, made anew only when others come or go. */
export function liner(
  count: number,
  isAway: (name: string) => boolean,
): (self: string, others: readonly string[]) => Line {
  let key = ''
  let line = lineOf('', [], [], count)
  return (self, others) => {
    const names = [...(self === '' ? [] : [self]), ...others].toSorted()
    const away = names.filter(isAway)
    const now = `${names.join()} ${away.join()}`
    if (now !== key) line = lineOf(self, names, away, count)
    key = now
    return line
  }
}

/**
 * The place of this one in the line for each piece: how many who are there come before it. Who is away for a moment keeps its
 * place, so that everybody else's pieces stay the same.
 */
function lineOf(
  self: string,
  names: readonly string[],
  away: readonly string[],
  count: number,
): Line {
  const own = names.indexOf(self)
  const ranks = names.flatMap((name, rank) => (name === self || away.includes(name) ? [] : [rank]))
  if (own < 0) return () => ranks.length
  const placeOf = (number: number, rank: number): number =>
    placeInLine(number, count, rank, names.length)
  const places = Array.from({ length: count }, (_, number) => {
    const place = placeOf(number, own)
    return ranks.filter((rank) => placeOf(number, rank) < place).length
  })
  return ({ number }) => places[number] ?? 0
}
