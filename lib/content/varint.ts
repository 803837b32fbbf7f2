/** Seven digits hold 2⁴⁹, more than any length that is written. */
export const maxVarintDigits = 7

/** A number in base 128, the lowest digit first, the high bit on all but the last. */
export function varint(value: number): number[] {
  const digits: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) digits.push((rest % 128) + 128)
  digits.push(rest)
  return digits
}

/** The number at `at` and where it ends; undefined if none is there or it could be written in fewer digits. */
export function readVarint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  for (let i = 0, unit = 1; i < maxVarintDigits; i++, unit *= 128) {
    const digit = bytes[at + i]
    if (digit === undefined) return undefined
    if (digit >= 128) value += (digit - 128) * unit
    else if (digit === 0 && i > 0) return undefined
    else return { value: value + digit * unit, end: at + i + 1 }
  }
  return undefined
}
