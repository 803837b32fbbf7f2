import { allowanceOf, type PeersName } from '../../lib/rules/terms.ts'
import type { ImageStateName, StorageName } from '../images/row.ts'
import { isThere } from '../agents/queries.ts'
import type { Sql } from '../db/open.ts'
import { readTerms, type Reasons } from '../rules/terms.ts'
import { fetching, present, type ReplicaRow } from './queries.ts'

/** How an image stands at a facility, with all that is in its way. */
export interface Standing {
  readonly image: string
  readonly facility: string
  readonly imageState: ImageStateName
  readonly storage: StorageName
  /** Whether its bytes are at this facility, whose own image it is. */
  readonly own: boolean
  /** The facility whose own image it is, with its bytes there and not at the portal; null for the portal's. */
  readonly home: string | null
  /** Null where the facility should not hold it. */
  readonly actor: string | null
  readonly wantTime: Date | null
  /** Whether somebody put it on the facility's list, and not rules alone. */
  readonly pushed: boolean
  /** The sync rules that want it. */
  readonly rules: readonly string[]
  /** Undefined where nothing was reported of it. */
  readonly replica: ReplicaRow | undefined
  /** Null before the facility's agent was heard of. */
  readonly agentTime: Date | null
  readonly agentIsThere: boolean
  /** Images that the facility fetches now. */
  readonly fetching: number
  readonly holders: readonly string[]
  /** From where it comes first, as far as is known now. */
  readonly peers: PeersName
}

type StandingRow = Omit<Standing, 'replica' | 'peers'> &
  Omit<ReplicaRow, 'state'> & { readonly state: number | null }

/** Undefined where there is no such image. */
export async function readStanding(
  sql: Sql,
  facility: string,
  image: string,
  now: Date,
): Promise<Standing | undefined> {
  const [row] = await sql<StandingRow[]>`
    select image.name as image, facility.name as facility, image.state as image_state, storage,
      custom and image.facility = facility.name as own, case when custom then image.facility end as home,
      wanted.actor, wanted.create_time as want_time, agent_time,
      coalesce(wanted.pushed, false) as pushed, coalesce(wanted.rules, '{}') as rules,
      coalesce(${isThere(sql, sql`facility.agent_time`)}, false) as agent_is_there,
      (select count(*)::int from replica as other
        where other.facility = facility.name and other.state = ${fetching}) as fetching,
      coalesce((
        select array_agg(distinct copy.facility order by copy.facility)
        from replica as copy join image as same on same.name = copy.image
          join facility as holder on holder.name = copy.facility
        where same.manifest = image.manifest and copy.facility <> facility.name
          and copy.state = ${present} and ${isThere(sql, sql`holder.agent_time`)}), '{}') as holders,
      encode(manifest.digest, 'hex') as digest, replica.state, total_bytes, peer_bytes, portal_bytes, error,
      replica.update_time, replica.next_time, image_use.time as use_time
    from image join manifest on manifest.id = image.manifest
    cross join facility
    left join wanted on wanted.facility = facility.name and wanted.image = image.name
    left join replica on replica.facility = facility.name and replica.image = image.name
    left join image_use on image_use.facility = facility.name and image_use.image = image.name
    where image.name = ${image} and facility.name = ${facility}`
  if (row === undefined) return undefined
  const { state, ...rest } = row
  const replica = state === null ? undefined : { ...rest, state }
  return { ...rest, replica, peers: await peersOf(sql, rest, now) }
}

async function peersOf(
  sql: Sql,
  { holders, ...reasons }: Reasons & Pick<Standing, 'holders'>,
  now: Date,
): Promise<PeersName> {
  const termsOf = await readTerms(sql, [reasons.facility])
  const allowance = allowanceOf(termsOf(reasons), holders.length > 0, now)
  if (allowance.kind === 'open') return allowance.peers
  return allowance.kind === 'alone' ? 'only' : 'first'
}
