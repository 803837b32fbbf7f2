import type { Digest } from '../../lib/content/digest.ts'
import { missing } from '../../lib/failure.ts'
import { parseImageName, type ImageName } from '../../lib/names/name.ts'
import { recordEvent } from '../audit/record.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { dropDeltas } from '../deltas/queries.ts'
import { newGeneration } from '../generation.ts'
import { lockFamily } from '../images/family.ts'
import { setStorage } from '../images/queries.ts'
import { tellOf } from '../images/telling.ts'
import { whyNotArchived } from '../needs/refusals.ts'
import { endMove, settleItem, type Move } from './queries.ts'
import { inStore, lockManifest, tie, untie, type Stored } from './ties.ts'

/** What a move came to: undefined if somebody else ended it, or why the image stays where it is. */
export type Outcome = 'moved' | { readonly left: string } | undefined

/** Ends a move whose bytes are where they should be: the image stands otherwise from now on, or, for a good reason, as before. */
export function endOf(
  move: Move,
  { sql, now: clock }: { readonly sql: Sql; readonly now: () => Date },
  digests: readonly Digest[],
): Promise<Outcome> {
  const image = parseImageName(move.image)
  return sql.begin(async (tx) => {
    const now = await lockFamily(tx, image)
    // Before the look at what needs the image: the move itself counts no more.
    if (now === undefined || !(await endMove(tx, move))) return undefined
    const [from, to] = ends[move.kind]
    const left =
      now.storage === from ? await whyNot(tx, move, image, clock()) : `its bytes are ${now.storage}`
    if (left !== undefined) return leave(tx, move, left)
    await shift(tx, move, digests, from, to)
    await settleItem(tx, move, 'done', '')
    await recordEvent(tx, {
      deed: `${move.kind}-image`,
      resources: [{ kind: 'image', name: move.image }],
      reason: move.reason,
    })
    await tellOf(tx, image)
    return 'moved'
  })
}

/** Ends a move that is to come to nothing. */
export async function leave(tx: Transaction, move: Move, why: string): Promise<Outcome> {
  await settleItem(tx, move, 'left', why)
  await newGeneration(tx, { images: [move.image] })
  return { left: why }
}

/** Where the bytes of an image are before a move and after it. */
const ends = {
  archive: ['present', 'archived'],
  restore: ['archived', 'present'],
} as const satisfies Record<Move['kind'], readonly [Stored, Stored]>

/** Somebody may have come to need an image while it was copied. */
async function whyNot(
  tx: Transaction,
  { kind, image: name }: Move,
  image: ImageName,
  now: Date,
): Promise<string | undefined> {
  if (kind === 'restore') return undefined
  return (await whyNotArchived(tx, { name, image }, now))?.message
}

async function shift(
  tx: Transaction,
  { image, actor, reason }: Move,
  digests: readonly Digest[],
  from: Stored,
  to: Stored,
): Promise<void> {
  const { id } = await lockManifest(tx, image)
  const [first, ...more] = await inStore(tx, to, () => tie(tx, id, digests))
  if (first !== undefined) {
    const text = `${more.length + 1} chunks are not where they were put, sha256:${first} the first`
    throw missing('CHUNK_NOT_FOUND', text, { digest: first })
  }
  await setStorage(tx, image, to, { actor, reason })
  const untied = await inStore(tx, from, () => untie(tx, id, from))
  if (untied && from === 'present') await dropDeltas(tx, id)
}
