/** Compares texts as people do: numbers in them as numbers. */
export function byNature(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => text.match(/\d+|\D+/g) ?? [])
  for (const [i, part] of (left ?? []).entries()) {
    const counterpart = right?.[i]
    if (counterpart === undefined) return 1
    const found = byPart(part, counterpart)
    if (found !== 0) return found
  }
  return (left?.length ?? 0) - (right?.length ?? 0)
}

function byPart(one: string, other: string): number {
  if (!/^\d/.test(one) || !/^\d/.test(other)) return byText(one, other)
  const [left, right] = [one, other].map((digits) => digits.replace(/^0+(?=\d)/, ''))
  const longer = (left?.length ?? 0) - (right?.length ?? 0)
  return longer === 0 ? byText(left ?? '', right ?? '') : longer
}

function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
