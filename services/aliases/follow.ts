import { renderLine, type Line } from '../../lib/names/name.ts'
import { recordEvent } from '../audit/record.ts'
import type { Transaction } from '../db/open.ts'
import { lockFollowers, moveAliases, newestReleased } from './queries.ts'

/**
 * Moves the aliases that follow a line to the image that is its newest now, and answers which moved, for the new generation.
 * Whoever changes which image that is calls this in the same transaction, and has locked the line before any row.
 */
export async function followLines(tx: Transaction, line: Line): Promise<readonly string[]> {
  const image = await newestReleased(tx, line)
  if (image === undefined) return []
  const follows = renderLine(line)
  const names = await lockFollowers(tx, follows, image)
  if (names.length === 0) return []
  const reason = `newest released of ${follows}`
  const move = { kind: 'follow', image, follows, paused: false, actor: 'system', reason } as const
  for (const { name, version } of await moveAliases(tx, names, move)) {
    const resources = [
      { kind: 'alias', name },
      { kind: 'image', name: image },
      { kind: 'line', name: follows },
    ]
    const after = { etag: String(version) }
    await recordEvent(tx, { deed: 'follow-line', resources, reason, after })
  }
  return names
}
