import type { Chunks } from '../../lib/retention/sharing.ts'
import type { Chance } from './chance.ts'

/**
 * What images consist of, in parts of 20 MB as stored: 40 that all roles of a system share, and 20 of the role's own. A build makes
 * 27 % of them anew, as measured between two builds of Debian 13 (docs/benchmarks.md).
 */
export const partBytes = 20_000_000
const systemParts = 40
const roleParts = 20
const renewed = 0.27

/** Makes the builds of lines, one after another. */
export interface Factory {
  /** The next build of a system: its roles that are built after it share its parts. */
  rebuild(system: string): void
  build(system: string, role: string): Chunks
}

export function factory(chance: Chance): Factory {
  const parts = new Map<string, string[]>()
  let made = 0
  const renew = (of: string, count: number): string[] => {
    const before = parts.get(of)
    const next = Array.from({ length: count }, (_, i) => {
      const old = before?.[i]
      return old !== undefined && chance() >= renewed ? old : `${++made}`
    })
    parts.set(of, next)
    return next
  }
  return {
    rebuild: (system) => void renew(system, systemParts),
    build(system, role) {
      const shared = parts.get(system) ?? renew(system, systemParts)
      const own = renew(`${system} ${role}`, roleParts)
      return new Map([...shared, ...own].map((part) => [part, partBytes]))
    },
  }
}
