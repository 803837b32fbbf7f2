import { AliasMoveKind, type Alias, type AliasMove } from '../../proto/gen/merge/image/v1/alias.ts'
import type { AliasRow, MoveKind, MoveRow } from './queries.ts'

export function renderAlias(row: AliasRow): Alias {
  const { name, image, follows, paused, actor, reason, updateTime, version } = row
  return { name, image, follows, paused, actor, reason, updateTime, etag: String(version) }
}

const kinds: Readonly<Record<MoveKind, AliasMoveKind>> = {
  set: AliasMoveKind.ALIAS_MOVE_KIND_SET,
  follow: AliasMoveKind.ALIAS_MOVE_KIND_FOLLOW,
  rollback: AliasMoveKind.ALIAS_MOVE_KIND_ROLLBACK,
  resume: AliasMoveKind.ALIAS_MOVE_KIND_RESUME,
  delete: AliasMoveKind.ALIAS_MOVE_KIND_DELETE,
}

export function renderMove(row: MoveRow): AliasMove {
  const { version, kind, image } = row
  return { ...row, version: BigInt(version), kind: kinds[kind], image: image ?? '' }
}
