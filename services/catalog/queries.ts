import { archOf, type Catalogue, type Distro, type Release } from '../../lib/names/catalogue.ts'
import { internal } from '../../lib/failure.ts'
import type { Sql, Transaction } from '../db/open.ts'

interface ReleaseRow {
  distro: string
  release: string
  officialName: string
  codename: string
  displayName: string
  lts: boolean
  prerelease: boolean
  endOfLife: string | null
}

/** The catalogue with the generation that it is of. */
export interface CatalogueAt {
  readonly generation: bigint
  readonly catalogue: Catalogue
}

/** The generation of everything that a reference can mean. */
export async function readGeneration(sql: Sql | Transaction): Promise<bigint> {
  const [row] = await sql<{ generation: bigint }[]>`select generation from names`
  if (row === undefined) throw internal('INTERNAL', 'the table "names" has no row')
  return row.generation
}

/** Makes a new generation. Whoever changes names does this last: the row's lock orders those changes. */
export async function bumpGeneration(tx: Transaction): Promise<void> {
  await tx`update names set generation = generation + 1`
}

export async function readCatalogue(sql: Sql | Transaction): Promise<CatalogueAt> {
  const [head] = await sql<{ generation: bigint; defaultArch: string }[]>`
    select generation, default_arch from names`
  const defaultArch = archOf(head?.defaultArch ?? '')
  if (head === undefined || defaultArch === undefined) {
    throw internal('INTERNAL', 'the table "names" has no default architecture')
  }
  const roles = await sql<{ name: string }[]>`select name from role order by name`
  const distros = await sql<{ id: string; shortNames: string[]; displayName: string }[]>`
    select id, short_names, display_name from distro order by id`
  const releases = await sql<ReleaseRow[]>`
    select distro, release, official_name, codename, display_name, lts, prerelease,
      end_of_life::text as end_of_life
    from release order by distro, position`
  return {
    generation: head.generation,
    catalogue: {
      defaultArch,
      roles: roles.map(({ name }) => name),
      distros: distros.map(({ id, shortNames, displayName }): Distro => ({
        id,
        short: shortNames,
        display: displayName,
        releases: releases.filter(({ distro }) => distro === id).map(toRelease),
      })),
    },
  }
}

function toRelease(row: ReleaseRow): Release {
  return {
    release: row.release,
    official: row.officialName,
    lts: row.lts,
    prerelease: row.prerelease,
    ...(row.codename === '' ? {} : { codename: row.codename }),
    ...(row.displayName === '' ? {} : { display: row.displayName }),
    ...(row.endOfLife === null ? {} : { endOfLife: row.endOfLife }),
  }
}
