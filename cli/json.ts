import { ReplicaState, type Replica } from '../proto/gen/merge/image/v1/facility.ts'
import {
  ArtifactKind,
  BootMode,
  ImageState,
  type Image,
} from '../proto/gen/merge/image/v1/image.ts'
import type { LocalImage } from '../proto/gen/merge/image/v1/local.ts'
import { word } from './words.ts'

/** A document for scripts: sizes as numbers where these can hold them, times in ISO 8601. */
export function json(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? exactly(item) : item,
  )
}

function exactly(count: bigint): number | string {
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : String(count)
}

export function imageJson(image: Image) {
  const { state, artifacts } = image
  const files = artifacts.map((file) => ({
    ...file,
    kind: word(ArtifactKind, file.kind),
    boot: word(BootMode, file.boot),
  }))
  return { ...image, state: word(ImageState, state), artifacts: files }
}

export function replicaJson(replica: Replica) {
  return { ...replica, state: word(ReplicaState, replica.state) }
}

export function localJson({ image, replica }: LocalImage) {
  return { image: image && imageJson(image), replica: replica && replicaJson(replica) }
}
