const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90s`, `1.5h`, `7d` as people write them; `0` needs no unit. */
export const durationPattern = /^(?:0|(\d+(?:\.\d+)?)(ms|s|m|h|d))$/

/** The milliseconds of a text that `durationPattern` matches. */
export function durationMs(text: string): number {
  const [, count = '0', unit = 'ms'] = durationPattern.exec(text) ?? []
  return Math.round(Number(count) * units[unit as keyof typeof units])
}

/** What to say of a text that is no duration. */
export const durationRule = 'must be a time such as 90s, 15m, 1h or 7d, or 0'
