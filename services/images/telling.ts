import { renderImageName, type ImageName } from '../../lib/names/name.ts'
import { followLines } from '../aliases/follow.ts'
import type { Transaction } from '../db/open.ts'
import { newGeneration } from '../generation.ts'
import { descendantsOf } from './queries.ts'

/**
 * Tells all who follow that an image stands otherwise from now on. Aliases that follow its line move with it, and what was made of it
 * changes its answer: it tells of an ancestor that is withdrawn. The caller has locked its family (family.ts), and calls this last.
 */
export async function tellOf(tx: Transaction, image: ImageName): Promise<void> {
  const name = renderImageName(image)
  const aliases = await followLines(tx, image)
  await newGeneration(tx, { images: [name, ...(await descendantsOf(tx, name))], aliases })
}
