import {
  HolderKind,
  HoldKind,
  type Hold,
  type Holder,
} from '../../proto/gen/merge/image/v1/hold.ts'
import type { Need, NeedKind } from '../../lib/retention/world.ts'
import type { UseRow } from '../needs/queries.ts'
import type { HoldKindName, HoldRow } from './queries.ts'

const kinds: Readonly<Record<HoldKindName, HoldKind>> = {
  artifact: HoldKind.HOLD_KIND_ARTIFACT,
  lock: HoldKind.HOLD_KIND_LOCK,
  materialization: HoldKind.HOLD_KIND_MATERIALIZATION,
  person: HoldKind.HOLD_KIND_PERSON,
}

/** The kind as the database writes it; empty for one that is not given. */
export function kindName(kind: HoldKind): HoldKindName | '' {
  switch (kind) {
    case HoldKind.HOLD_KIND_ARTIFACT:
      return 'artifact'
    case HoldKind.HOLD_KIND_LOCK:
      return 'lock'
    case HoldKind.HOLD_KIND_MATERIALIZATION:
      return 'materialization'
    case HoldKind.HOLD_KIND_PERSON:
      return 'person'
    case HoldKind.HOLD_KIND_UNSPECIFIED:
    case HoldKind.UNRECOGNIZED:
      return ''
  }
}

export function renderHold(row: HoldRow, now: Date): Hold {
  const { id, image, owner, reason, link, lock, createTime, expireTime, releaseTime } = row
  return {
    ...{ id, image, owner, reason, link, createTime },
    kind: kinds[row.kind],
    lock: lock ?? '',
    expireTime: expireTime ?? undefined,
    releaseTime: releaseTime ?? undefined,
    active: isActive(row, now),
  }
}

/** Whether a hold counts. */
export function isActive(
  { releaseTime, expireTime }: Pick<HoldRow, 'releaseTime' | 'expireTime'>,
  now: Date,
): boolean {
  return releaseTime === null && (expireTime === null || expireTime > now)
}

export const holderKinds: Readonly<Record<NeedKind, HolderKind>> = {
  hold: HolderKind.HOLDER_KIND_HOLD,
  alias: HolderKind.HOLDER_KIND_ALIAS,
  facility: HolderKind.HOLDER_KIND_FACILITY,
  transfer: HolderKind.HOLDER_KIND_TRANSFER,
  build: HolderKind.HOLDER_KIND_BUILD,
  line: HolderKind.HOLDER_KIND_LINE,
  descendant: HolderKind.HOLDER_KIND_DESCENDANT,
}

export function renderNeed({ kind, name, message, until }: Need): Holder {
  return {
    ...{ kind: holderKinds[kind], name, message: sentence(message, name) },
    ...{ untilTime: until, hold: undefined },
  }
}

/** Somebody's hold as what needs the image. */
export function holderOf(row: HoldRow, now: Date): Holder {
  const hold = renderHold(row, now)
  const { id: name, expireTime: untilTime } = hold
  const message = `${row.owner} holds it (${row.kind}): ${row.reason || 'no reason is given'}.`
  return { kind: HolderKind.HOLDER_KIND_HOLD, name, message, untilTime, hold }
}

/** A facility that used the image; it counts for so many days. */
export function renderUse({ facility, useTime }: UseRow, days: number): Holder {
  const on = useTime.toISOString().slice(0, 10)
  const untilTime = new Date(useTime.getTime() + days * dayMs)
  const message = `${facility} used it on ${on}.`
  return { kind: HolderKind.HOLDER_KIND_USE, name: facility, message, untilTime, hold: undefined }
}

const dayMs = 86_400_000

/** A name keeps its small letters also where a sentence begins with it. */
function sentence(text: string, name: string): string {
  if (text.startsWith(name)) return `${text}.`
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
