import {
  parseImageName,
  renderImageName,
  renderLine,
  type ImageName,
} from '../../lib/names/name.ts'
import type { Transaction } from '../db/open.ts'
import { lockLine } from './lines.ts'
import { descendantsOf, lockImage, type Locked } from './queries.ts'

/**
 * Locks an image with all that was made of it, and their lines: nobody comes to need any of them until the transaction ends. Lines first,
 * then rows, each in one order, as whoever holds several images takes them. If something is made of it meanwhile, all locks are let go and
 * it begins again.
 */
export async function lockFamily(tx: Transaction, image: ImageName): Promise<Locked | undefined> {
  const name = renderImageName(image)
  const grown = new Error('the family has grown meanwhile')
  for (;;) {
    const family = [name, ...(await descendantsOf(tx, name))]
    try {
      return await tx.savepoint(async (part) => {
        await lockAll(part, family)
        if ((await descendantsOf(part, name)).length + 1 > family.length) throw grown
        return lockImage(part, name)
      })
    } catch (error) {
      if (error !== grown) throw error
    }
  }
}

async function lockAll(tx: Transaction, names: readonly string[]): Promise<void> {
  const lines = new Map(names.map(parseImageName).map((image) => [renderLine(image), image]))
  for (const [, line] of [...lines].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    await lockLine(tx, line)
  }
  await tx`
    select from image where name = any (${names as string[]}) order by name for no key update`
}
