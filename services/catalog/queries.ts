import { internal } from '../../lib/failure.ts'
import {
  archOf,
  type Catalogue,
  type Distro,
  type DistroWords,
  type Release,
} from '../../lib/names/catalogue.ts'
import type { Sql, Transaction } from '../db/open.ts'

interface ReleaseRow {
  distro: string
  release: string
  officialName: string
  codename: string
  displayName: string
  lts: boolean
  prerelease: boolean
  released: string | null
  endOfLife: string | null
}

/** The catalogue with the generation that it is of. */
export interface CatalogueAt {
  readonly generation: bigint
  readonly catalogue: Catalogue
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
      release_date::text as released, end_of_life::text as end_of_life
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
    ...(row.released === null ? {} : { released: row.released }),
    ...(row.endOfLife === null ? {} : { endOfLife: row.endOfLife }),
  }
}

/** The catalogue, which nobody else changes until this transaction ends. */
export async function lockCatalogue(tx: Transaction): Promise<Catalogue> {
  await tx`lock table distro, release, role in share row exclusive mode`
  return (await readCatalogue(tx)).catalogue
}

export async function putDistro(tx: Transaction, words: DistroWords): Promise<void> {
  await tx`
    insert into distro (id, short_names, display_name)
    values (${words.id}, ${words.short as string[]}, ${words.display})
    on conflict (id) do update
    set short_names = excluded.short_names, display_name = excluded.display_name`
}

/** Keeps a release of the distro, and the order of all of them. */
export async function putRelease(tx: Transaction, distro: Distro, release: Release): Promise<void> {
  const { official, codename = '', display = '', lts = false, prerelease = false } = release
  const { released = null, endOfLife = null } = release
  await tx`
    insert into release (distro, release, position, official_name, codename, display_name, lts,
      prerelease, release_date, end_of_life)
    select ${distro.id}, ${release.release}, coalesce(max(position), 0) + 1, ${official}, ${codename},
      ${display}, ${lts}, ${prerelease}, ${released}::date, ${endOfLife}::date
    from release where distro = ${distro.id}
    on conflict (distro, release) do update set official_name = excluded.official_name,
      codename = excluded.codename, display_name = excluded.display_name, lts = excluded.lts,
      prerelease = excluded.prerelease, release_date = excluded.release_date,
      end_of_life = excluded.end_of_life`
  const order = distro.releases.map((one) => one.release)
  await tx`
    update release set position = place.position
    from unnest(${order}::text[]) with ordinality as place (release, position)
    where release.distro = ${distro.id} and release.release = place.release
      and release.position <> place.position`
}

export async function putRole(tx: Transaction, role: string): Promise<void> {
  await tx`insert into role (name) values (${role}) on conflict do nothing`
}
