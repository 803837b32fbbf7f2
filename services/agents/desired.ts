import { renderCatalogue } from '../../lib/names/message.ts'
import { splitNamespace } from '../../lib/names/name.ts'
import type { Terms } from '../../lib/rules/terms.ts'
import type {
  DesiredImage,
  Peer,
  WatchDesiredStateResponse,
} from '../../proto/gen/merge/image/v1/agent.ts'
import type { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { aliasesOf } from '../aliases/queries.ts'
import { renderAlias } from '../aliases/render.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql } from '../db/open.ts'
import { noFacility } from '../facilities/service.ts'
import { findImages } from '../images/queries.ts'
import { renderImage } from '../images/render.ts'
import { readTerms, renderTerms } from '../rules/terms.ts'
import type { TicketKeyring } from '../tickets/keys.ts'
import { groupsOf, neighbours } from './company.ts'
import {
  fetchersOf,
  generationsOf,
  holdersOf,
  peersThere,
  wantedBy,
  type WantedRow,
} from './queries.ts'

/** What a facility should hold now, or FACILITY_NOT_FOUND. */
export type ReadDesired = (facility: string) => Promise<WatchDesiredStateResponse>

/** What agents judge others by. */
export interface Told {
  readonly keys: TicketKeyring['told']
  readonly revokedSerials: () => Promise<string[]>
}

interface Asked extends PromiseWithResolvers<WatchDesiredStateResponse> {
  readonly facility: string
}

/**
 * Reads for all who ask together: a change wakes every watcher, and what they hear is mostly the same. While one read is under
 * way those who come wait for the next, which sees what happened since.
 */
export function desiredStates(sql: Sql, told: Told): ReadDesired {
  let waiting: Asked[] = []
  let reading = false
  const readAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const all = waiting
      waiting = []
      await answer(all, sql, told)
    }
    reading = false
  }
  return (facility) => {
    const asked = { facility, ...Promise.withResolvers<WatchDesiredStateResponse>() }
    waiting.push(asked)
    if (!reading) {
      reading = true
      setImmediate(() => void readAll())
    }
    return asked.promise
  }
}

async function answer(all: readonly Asked[], sql: Sql, told: Told): Promise<void> {
  try {
    const stateOf = await readStates(sql, [...new Set(all.map(({ facility }) => facility))], told)
    for (const { facility, resolve, reject } of all) {
      const state = stateOf(facility)
      if (state === undefined) reject(noFacility(facility))
      else resolve(state)
    }
  } catch (error) {
    for (const { reject } of all) reject(error)
  }
}

async function readStates(
  sql: Sql,
  facilities: readonly string[],
  told: Told,
): Promise<(facility: string) => WatchDesiredStateResponse | undefined> {
  // First, so that no state is told as of a later generation than what it says.
  const generations = await generationsOf(sql, facilities)
  const [wanted, termsOf] = [await wantedBy(sql, facilities), await readTerms(sql, facilities)]
  const names = [...new Set(wanted.map(({ image }) => image))]
  const [known, aliases, peers, company, ticketKeys, revokedSerials] = await Promise.all([
    readImages(sql, names),
    aliasesOf(sql, names),
    peersThere(sql),
    readCompany(sql, names),
    told.keys(),
    told.revokedSerials(),
  ])
  const ofFacility = Map.groupBy(wanted, ({ facility }) => facility)
  const addresses = new Map(peers.map((peer) => [peer.facility, peer]))
  return (facility) => {
    const generation = generations.get(facility)
    if (generation === undefined) return undefined
    const rows = ofFacility.get(facility) ?? []
    const here = new Set(rows.map(({ image }) => image))
    const images = rows.flatMap((row) => desiredImage(row, known.images, company, termsOf(row)))
    return {
      ...{ generation, images, ticketKeys, revokedSerials, catalogue: known.catalogue },
      peers: namedIn(images, addresses),
      aliases: aliases.filter(({ image }) => here.has(image)).map(renderAlias),
    }
  }
}

async function readImages(sql: Sql, names: readonly string[]) {
  const { catalogue, generation } = await readCatalogue(sql)
  const rows = await findImages(sql, names)
  return {
    catalogue: renderCatalogue(catalogue, generation),
    images: new Map(rows.map((row) => [row.name, renderImage(row, catalogue)])),
  }
}

/** Who has each image, and in which groups it is fetched. */
interface Company {
  readonly holders: (image: string, facility: string) => readonly string[]
  readonly fetchers: (image: string, facility: string) => readonly string[]
}

async function readCompany(sql: Sql, names: readonly string[]): Promise<Company> {
  const [holders, fetchers] = await Promise.all([holdersOf(sql, names), fetchersOf(sql, names)])
  const near = new Map(
    [...holders].map(([image, all]) => [image, neighbours(all, homeOf(image))] as const),
  )
  const fetching = new Map([...fetchers].map(([image, all]) => [image, neighbours(all)] as const))
  const groups = new Map([...fetchers].map(([image, all]) => [image, groupsOf(all)] as const))
  return {
    holders: (image, facility) => near.get(image)?.(facility) ?? [],
    // Who has it already, or serves nothing, is in no group and hears of some who fetch it.
    fetchers: (image, facility) =>
      groups
        .get(image)
        ?.get(facility)
        ?.filter((other) => other !== facility) ??
      fetching.get(image)?.(facility) ??
      [],
  }
}

/** The bytes of a facility's own image may be nowhere else. */
function homeOf(image: string): string | undefined {
  return splitNamespace(image).namespace || undefined
}

function desiredImage(
  { facility, image: name, priority, byTime }: WantedRow,
  images: ReadonlyMap<string, Image>,
  { holders, fetchers }: Company,
  terms: readonly Terms[],
): DesiredImage[] {
  const image = images.get(name)
  if (image === undefined) return []
  return [
    {
      ...{ image, priority, byTime: byTime ?? undefined },
      holders: [...holders(name, facility)],
      fetchers: [...fetchers(name, facility)],
      terms: terms.map((one) => renderTerms(atHome(one, image))),
    },
  ]
}

/** What the portal does not have cannot come from there first. */
function atHome(terms: Terms, { custom }: Image): Terms {
  return custom !== undefined && terms.peers === 'last' ? { ...terms, peers: 'first' } : terms
}

/** Those of whom the images tell, by name. */
function namedIn(images: readonly DesiredImage[], addresses: ReadonlyMap<string, Peer>): Peer[] {
  const names = new Set(images.flatMap(({ holders, fetchers }) => [...holders, ...fetchers]))
  return [...names].sort().flatMap((name) => addresses.get(name) ?? [])
}
