import { internal } from '../lib/failure.ts'
import { announce } from './db/changes.ts'
import type { Sql, Transaction } from './db/open.ts'

// The generation of names grows with every change of what a reference can mean: catalogue, images, aliases.

/** What a change touches, by name. */
export interface Touched {
  readonly images?: readonly string[]
  readonly aliases?: readonly string[]
  readonly catalogue?: true
}

export async function readGeneration(sql: Sql | Transaction): Promise<bigint> {
  const [row] = await sql<{ generation: bigint }[]>`select generation from names`
  return row?.generation ?? never()
}

/**
 * Makes a new generation and marks with it what it touches. Whoever changes names does this last: the row's lock orders those
 * changes, so that whoever sees a generation sees every change up to it. It is announced.
 */
export async function newGeneration(tx: Transaction, touched: Touched): Promise<bigint> {
  const { images = [], aliases = [], catalogue = false } = touched
  const [row] = await tx<{ generation: bigint }[]>`
    update names set generation = generation + 1,
      catalogue_generation = case when ${catalogue} then generation + 1 else catalogue_generation end
    returning generation`
  const generation = row?.generation ?? never()
  if (images.length > 0) {
    await tx`update image set generation = ${generation} where name = any(${images as string[]})`
  }
  if (aliases.length > 0) {
    await tx`update alias set generation = ${generation} where name = any(${aliases as string[]})`
  }
  await announce(tx)
  return generation
}

function never(): never {
  throw internal('INTERNAL', 'the table "names" has no row')
}
