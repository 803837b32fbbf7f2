import { invalid, precondition } from '../../lib/failure.ts'
import type { Transaction } from '../db/open.ts'
import { findMove, imageBefore, type AliasRow } from './queries.ts'

/** The image that an alias is to point at again: that of a move, or for 0 the one before the present one. */
export async function imageToRestore(
  tx: Transaction,
  { name, image }: AliasRow,
  version: bigint,
): Promise<string> {
  if (version === 0n) {
    const before = await imageBefore(tx, name, image)
    if (before !== undefined) return before
    const text = `${name} has pointed at ${image} only: there is nothing to roll it back to.`
    throw precondition('WRONG_STATE', text, { alias: name })
  }
  const move = await findMove(tx, name, version)
  if (move !== undefined && move.image !== null) return move.image
  const why = move === undefined ? 'it has no such move' : 'that move deleted it'
  const text = `${name} cannot go back to version ${version}: ${why}; "mrg-image history ${name}" shows all.`
  throw invalid('INVALID_FIELD', text, { field: 'to_version', alias: name })
}

/** The line that a paused alias is to follow again. */
export function lineToResume({ name, follows, paused }: AliasRow): string {
  if (follows !== '' && paused) return follows
  const text =
    follows === ''
      ? `${name} follows no line: "mrg-image set alias ${name} --follow LINE" has it follow one.`
      : `${name} is not paused: it follows ${follows} already.`
  throw precondition('WRONG_STATE', text, { alias: name })
}
