import { peersNamed, type Terms } from '../lib/rules/terms.ts'
import { isZone, parseWindow, windowPattern } from '../lib/window.ts'
import type { FetchTerms } from '../proto/gen/merge/image/v1/agent.ts'

/** Reads the terms of an image as the portal told them; hours that nobody here can read bind nobody. */
export function readTerms(told: readonly FetchTerms[]): Terms[] {
  return told.map(({ rule, window, timeZone, rate, peers }) => ({
    rule,
    window:
      windowPattern.test(window) && isZone(timeZone) ? parseWindow(window, timeZone) : undefined,
    rate: rate === 0n ? undefined : Number(rate),
    peers: peersNamed(peers),
  }))
}
