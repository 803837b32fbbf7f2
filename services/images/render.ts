import { displayName, type Catalogue } from '../../lib/names/catalogue.ts'
import { parseImageName } from '../../lib/names/name.ts'
import {
  ImageState,
  ImageStorage,
  MoveKind,
  type CustomImage,
  type Image,
  type ImageChange,
  type ImageMove,
  type Provenance,
  type WithdrawnAncestor,
} from '../../proto/gen/merge/image/v1/image.ts'
import { digestText, renderChecks, renderOrigin } from '../builds/render.ts'
import type { ArtifactKind, BootMode } from '../../proto/gen/merge/image/v1/image.ts'
import type { ChangeRow } from './queries.ts'
import type {
  ImageRow,
  ImageStateName,
  MoveRow,
  ProvenanceRow,
  StorageName,
  WithdrawnRow,
} from './row.ts'

const states: Readonly<Record<ImageStateName, ImageState>> = {
  candidate: ImageState.IMAGE_STATE_CANDIDATE,
  released: ImageState.IMAGE_STATE_RELEASED,
  deprecated: ImageState.IMAGE_STATE_DEPRECATED,
  revoked: ImageState.IMAGE_STATE_REVOKED,
}

const storages: Readonly<Record<StorageName, ImageStorage>> = {
  present: ImageStorage.IMAGE_STORAGE_PRESENT,
  archived: ImageStorage.IMAGE_STORAGE_ARCHIVED,
  expired: ImageStorage.IMAGE_STORAGE_EXPIRED,
}

export function renderImage(row: ImageRow, catalogue: Catalogue): Image {
  return {
    name: row.name,
    digest: `sha256:${row.digest}`,
    state: states[row.state],
    artifacts: row.artifacts.map(({ kind, boot, mediaType, sizeBytes, dataBytes, sha256 }) => ({
      kind: kind as ArtifactKind,
      boot: boot as BootMode,
      mediaType,
      sizeBytes: BigInt(sizeBytes),
      dataBytes: BigInt(dataBytes),
      sha256: `sha256:${sha256}`,
    })),
    chunkBytes: row.chunkBytes,
    storedBytes: row.storedBytes,
    chunkCount: row.chunkCount,
    displayName: displayName(parseImageName(row.name), catalogue),
    notes: row.notes,
    labels: row.labels,
    creator: row.creator,
    createTime: row.createTime,
    etag: String(row.version),
    parent: row.parent ?? '',
    withdrawnAncestor: row.withdrawn === null ? undefined : renderWithdrawn(row.withdrawn),
    provenance: row.provenance === null ? undefined : renderProvenance(row.provenance),
    checks: renderChecks(row.checks),
    custom: customOf(row),
    ...standingOf(row),
    undeleteTime: row.undeleteTime ?? undefined,
    move: row.move === null ? undefined : renderMove(row.move),
  }
}

function standingOf(row: ImageRow) {
  return {
    storage: storages[row.storage],
    heldBack: row.heldBack,
    replacement: row.replacement ?? '',
    reason: row.reason ?? '',
    changeTime: row.changeTime ?? undefined,
    deprecateTime: row.deprecateTime ?? undefined,
  }
}

function renderMove({ kind, total, done, time, error }: MoveRow): ImageMove {
  return {
    kind: kind === 'archive' ? MoveKind.MOVE_KIND_ARCHIVE : MoveKind.MOVE_KIND_RESTORE,
    totalBytes: BigInt(total),
    doneBytes: BigInt(done),
    createTime: new Date(time),
    error,
  }
}

/** How an image stood from a moment on. */
export function renderChange(row: ChangeRow): ImageChange {
  const { state, storage, heldBack, replacement, actor, reason, time } = row
  return {
    state: states[state],
    storage: storages[storage],
    replacement: replacement ?? '',
    ...{ heldBack, actor, reason, time },
  }
}

function renderWithdrawn({ image, state, replacement }: WithdrawnRow): WithdrawnAncestor {
  const instead = replacement === null ? '' : `; use ${replacement} instead of that one`
  return {
    image,
    state: states[state],
    message: `It was made of ${image}, which is ${state}${instead}`,
  }
}

function renderProvenance(row: ProvenanceRow): Provenance {
  const { build, recipe, version, builder, inputs, start, end, log, link, origin } = row
  return {
    ...{ build, builder, link },
    recipe: recipe ?? '',
    recipeVersion: version ?? 0,
    inputsDigest: digestText(inputs),
    startTime: start === null ? undefined : new Date(start),
    endTime: end === null ? undefined : new Date(end),
    logDigest: digestText(log),
    origin: renderOrigin(origin),
  }
}

function customOf({ custom, facility, expireTime, shared }: ImageRow): CustomImage | undefined {
  if (!custom || facility === null) return undefined
  return { facility, expireTime: expireTime ?? undefined, shared }
}

/** The state as it is sent. */
export function stateCode(state: ImageStateName): ImageState {
  return states[state]
}

/** The storage as the database writes it; empty for "any". */
export function storageName(storage: ImageStorage): StorageName | '' {
  const found = Object.entries(storages).find(([, value]) => value === storage)
  return found === undefined ? '' : (found[0] as StorageName)
}

/** The state as the database writes it; empty for "any". */
export function stateName(state: ImageState): ImageStateName | '' {
  const found = Object.entries(states).find(([, value]) => value === state)
  return found === undefined ? '' : (found[0] as ImageStateName)
}
