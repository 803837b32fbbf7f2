import type { Labels } from '../../lib/labels.ts'
import type { CheckRow } from '../builds/queries.ts'
import { originOf, type OriginRow } from '../builds/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'

export type ImageStateName = 'candidate' | 'released' | 'deprecated' | 'revoked'
export type StorageName = 'present' | 'archived' | 'expired'

/** An image with what its manifest says. */
export interface ImageRow {
  readonly name: string
  readonly digest: string
  readonly state: ImageStateName
  readonly storage: StorageName
  readonly heldBack: boolean
  readonly replacement: string | null
  readonly notes: string
  readonly creator: string
  readonly createTime: Date
  readonly version: number
  readonly sequence: bigint
  readonly chunkCount: number
  readonly chunkBytes: bigint
  readonly storedBytes: bigint
  readonly artifacts: readonly {
    readonly kind: number
    readonly boot: number
    readonly mediaType: string
    readonly sizeBytes: string
    readonly dataBytes: string
    readonly sha256: string
  }[]
  readonly parent: string | null
  readonly withdrawn: WithdrawnRow | null
  readonly provenance: ProvenanceRow | null
  readonly checks: readonly CheckRow[] | null
  readonly facility: string | null
  readonly custom: boolean
  readonly shared: boolean
  readonly expireTime: Date | null
  readonly reason: string | null
  readonly changeTime: Date | null
  readonly deprecateTime: Date | null
  readonly move: MoveRow | null
  readonly undeleteTime: Date | null
  readonly labels: Labels
}

/** As JSON has it. */
export interface MoveRow {
  readonly kind: 'archive' | 'restore'
  readonly total: string
  readonly done: string
  readonly time: string
  readonly error: string
}

export interface WithdrawnRow {
  readonly image: string
  readonly state: ImageStateName
  readonly replacement: string | null
}

/** As JSON has it. */
export interface ProvenanceRow {
  readonly build: string
  readonly recipe: string | null
  readonly version: number | null
  readonly builder: string
  readonly inputs: string | null
  readonly start: string | null
  readonly end: string | null
  readonly log: string | null
  readonly link: string
  readonly origin: OriginRow | null
}

export const imageColumns = (sql: Sql | Transaction) => sql`
  image.name, encode(manifest.digest, 'hex') as digest, state, storage, held_back, replacement,
  notes, image.labels, creator, create_time, version, sequence, chunk_count, chunk_bytes, stored_bytes,
  (select json_agg(json_build_object(
      'kind', kind, 'boot', boot, 'mediaType', media_type, 'sizeBytes', size_bytes::text, 'dataBytes', data_bytes::text,
      'sha256', encode(sha256, 'hex')) order by kind, boot)
    from artifact where artifact.manifest = manifest.id) as artifacts,
  parent, facility, custom, shared, expire_time, deprecate_time,
  (select reason from image_change as last where last.image = image.name and last.version = image.version) as reason,
  (select time from image_change as last where last.image = image.name and last.version = image.version) as change_time,
  (select json_build_object('kind', kind, 'total', total_bytes::text, 'done', done_bytes::text,
      'time', move.create_time, 'error', error) from move where move.image = image.name) as move,
  case when storage = 'expired' and not custom then ${expiredAt(sql)} + (select undelete from agreed)
    end as undelete_time,
  case when parent is not null then ${withdrawnAncestor(sql)} end as withdrawn,
  case when image.build is not null then (
    select json_build_object('build', build.name, 'recipe', recipe, 'version', recipe_version, 'builder', builder,
      'inputs', encode(inputs_digest, 'hex'), 'start', start_time, 'end', end_time,
      'log', encode(log_digest, 'hex'), 'link', link, 'origin',
      case when not image.custom or image.shared then ${originOf(sql)} end)
    from build where build.name = image.build) end as provenance,
  case when image.build is not null then (
    select json_agg(json_build_object('kind', kind, 'outcome', outcome, 'message', case when image.custom and not image.shared then '' else left(message, 500) end) order by kind)
    from build_check where build_check.build = image.build) end as checks`

/** When an image expired that is so now; its state may have changed since. */
const expiredAt = (sql: Sql | Transaction) => sql`(
  select min(time) from image_change as one
  where one.image = image.name and version > (
    select coalesce(max(version), 0) from image_change as other
    where other.image = image.name and other.storage <> 'expired'))`

/** An image's line of ancestors is not followed further. */
const mostAncestors = 64

/** The nearest one of an image that has been withdrawn. */
const withdrawnAncestor = (sql: Sql | Transaction) => sql`(
  with recursive ancestor as (
    select one.name, one.parent, one.state, one.replacement, 1 as depth
    from image as one where one.name = image.parent
    union all
    select one.name, one.parent, one.state, one.replacement, depth + 1
    from ancestor join image as one on one.name = ancestor.parent where depth < ${mostAncestors})
  select json_build_object('image', name, 'state', state, 'replacement', replacement)
  from ancestor where state in ('deprecated', 'revoked') order by depth limit 1)`
