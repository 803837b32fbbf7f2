import type { Labels } from '../lib/labels.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { UsageError } from './usage.ts'

/** Labels that something is given when it is made. */
export const labelsFlag = {
  value: 'LABELS',
  about: 'words for lists and rules to tell it by, with commas: team=net,tier=gold',
} as const

/** Labels that are asked for. */
export const selectorFlag = {
  value: 'LABELS',
  about: 'only with all of these labels, with commas: team=net, team for any, !team for none',
} as const

/** Reads the value of an option with labels. */
export function parseLabelsFlag(flag: string, text: string | undefined, help: string): Labels {
  const parts = text === undefined || text === '' ? [] : text.split(',')
  return labelsOf(parts, `write ${flag} as KEY=VALUE,KEY=VALUE`, help)
}

export function labelsOf(parts: readonly string[], advice: string, help: string): Labels {
  const pairs = parts.map((part) => {
    const at = part.indexOf('=')
    if (at < 0) throw new UsageError(`"${part}" is no label: ${advice}`, help)
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()] as const
  })
  return Object.fromEntries(pairs)
}

/** `team=net, tier=gold`; `-` for none. */
export function inWords({ labels }: Pick<Image, 'labels'>): string {
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return words.sort().join(', ') || '-'
}
