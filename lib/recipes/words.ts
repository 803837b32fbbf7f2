import { z } from 'zod'
import { durationMs, durationPattern } from '../duration.ts'
import { choice as listed, suggest } from '../names/suggest.ts'

// The kinds of values that a recipe has. Each says in its message what to write instead; the name of the field is put
// before it.

/** A map of these fields and no others. Its message has a line for each field that it does not know. */
export function fields<S extends z.core.$ZodLooseShape>(shape: S) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownField(key, known)).join('\n')
        : 'needs fields of its own, on lines below it that are indented',
  })
}

function unknownField(key: string, known: readonly string[]): string {
  return `there is no field \`${key.slice(0, 64).replaceAll(/\s/g, ' ')}\` here; ${suggest(key, known).ending}`
}

export function list<T>(item: z.ZodType<T>, most: number, needs: 'some' | 'any' = 'any') {
  const all = z.array(item, 'needs a list, each item on a line of its own after a dash').max(most, {
    error: ({ input }) => `has ${(input as unknown[]).length} items, and may have ${most}`,
  })
  return needs === 'some' ? all.min(1, 'is empty: write one item at least') : all
}

/** A text on one line. */
export function word(pattern: RegExp, needs: string) {
  return z.string(`needs ${needs}`).regex(pattern, `needs ${needs}`)
}

/** A text of many lines. */
export function prose(most: number) {
  return z
    .string('needs a text')
    .min(1, 'is empty: write something, or leave the field out')
    .max(most, `has ${most} characters at most`)
}

export function choice<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, `needs ${listed(words)}`)
}

export const onOff = choice(['on', 'off']).transform((value) => value === 'on')

export function count(least: number, most: number) {
  const needs = `needs a number from ${least} to ${most}`
  return word(/^\d{1,9}$/, needs.slice('needs '.length))
    .transform(Number)
    .refine((value) => value >= least && value <= most, needs)
}

const powers = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const

/** `512M`, `4G`, `1.5T`: powers of 1024, as disks are made. */
export function size(least: string, most: string) {
  const needs = `a size such as 512M or 4G, from ${least} to ${most}`
  return word(sizePattern, needs)
    .transform(bytesOf)
    .refine((value) => value >= bytesOf(least) && value <= bytesOf(most), `needs ${needs}`)
}

const sizePattern = /^(\d{1,6}(?:\.\d{1,3})?)([KMGT])$/

function bytesOf(text: string): number {
  const [, value = '0', unit = 'K'] = sizePattern.exec(text) ?? []
  return Math.floor(Number(value) * powers[unit as keyof typeof powers])
}

/** `90s`, `15m`, `1h`. */
export function time(least: string, most: string) {
  const needs = `a time such as 90s, 15m or 1h, from ${least} to ${most}`
  return word(durationPattern, needs)
    .transform(durationMs)
    .refine((value) => value >= durationMs(least) && value <= durationMs(most), `needs ${needs}`)
}

/** Refuses a list that has something twice. */
export function eachOnce<T>(items: z.ZodType<readonly T[]>, of: (item: T) => string = String) {
  return items.superRefine((value, context) => {
    const seen = new Set<string>()
    for (const [i, item] of value.entries()) {
      const key = of(item)
      if (seen.has(key))
        context.addIssue({ code: 'custom', path: [i], message: `has "${key}" twice` })
      seen.add(key)
    }
  })
}
