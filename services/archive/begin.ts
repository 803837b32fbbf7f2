import { precondition } from '../../lib/failure.ts'
import type { Transaction } from '../db/open.ts'
import { newGeneration } from '../generation.ts'
import type { Change } from '../images/queries.ts'
import type { Subject } from '../images/standing.ts'
import { whyNotArchived } from '../needs/refusals.ts'
import { findMove, insertMove, type MoveKind } from './queries.ts'

/** Who has an image moved and why, and the run of retention for which. */
export interface MovedBy extends Change {
  readonly lease: string
  readonly run?: string
}

/** Begins to archive an image that is locked; one that is on its way already goes on. */
export async function beginArchive(
  tx: Transaction,
  subject: Subject,
  by: MovedBy,
  now: Date,
): Promise<void> {
  const { name, storage, custom } = subject
  if (custom) {
    const text = `${name} has its bytes at its facility, and the archive is for the portal's.`
    throw precondition('WRONG_STATE', text, { state: storage })
  }
  if (storage !== 'present') {
    throw precondition('WRONG_STATE', `${name} is ${storage} already.`, { state: storage })
  }
  if ((await findMove(tx, name)) !== undefined) return
  const refusal = await whyNotArchived(tx, subject, now)
  if (refusal !== undefined) throw refusal
  await beginMove(tx, subject.name, 'archive', by)
}

/** Begins to bring an archived image back; one that is on its way already goes on. */
export async function beginRestore(tx: Transaction, subject: Subject, by: MovedBy): Promise<void> {
  if ((await findMove(tx, subject.name)) === undefined)
    await beginMove(tx, subject.name, 'restore', by)
}

/** Begins a move of an image that may go there. An answer that tells of the move is another one than before. */
export async function beginMove(
  tx: Transaction,
  name: string,
  kind: MoveKind,
  { lease, actor, reason, run }: MovedBy,
): Promise<void> {
  await insertMove(tx, { image: name, kind, lease, actor, reason, run: run ?? null })
  await newGeneration(tx, { images: [name] })
}
