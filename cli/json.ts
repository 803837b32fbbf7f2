import {
  BuildFailure,
  BuildState,
  BuildTrigger,
  type Build,
} from '../proto/gen/merge/image/v1/build.ts'
import { ReplicaState, type Replica } from '../proto/gen/merge/image/v1/facility.ts'
import {
  ArtifactKind,
  BootMode,
  CheckKind,
  CheckOutcome,
  ImageState,
  ImageStorage,
  MoveKind,
  type CheckResult,
  type Image,
} from '../proto/gen/merge/image/v1/image.ts'
import type { LocalImage } from '../proto/gen/merge/image/v1/local.ts'
import { BuilderKind, type Recipe } from '../proto/gen/merge/image/v1/recipe.ts'
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
  const { state, storage, move, artifacts, checks, withdrawnAncestor: ancestor } = image
  const files = artifacts.map((file) => ({
    ...file,
    kind: word(ArtifactKind, file.kind),
    boot: word(BootMode, file.boot),
  }))
  return {
    ...image,
    state: word(ImageState, state),
    storage: word(ImageStorage, storage),
    move: move && { ...move, kind: word(MoveKind, move.kind) },
    artifacts: files,
    checks: checks.map(checkJson),
    withdrawnAncestor: ancestor && { ...ancestor, state: word(ImageState, ancestor.state) },
  }
}

function checkJson(check: CheckResult) {
  const { kind, outcome } = check
  return { ...check, kind: word(CheckKind, kind), outcome: word(CheckOutcome, outcome) }
}

export function recipeJson(recipe: Recipe) {
  return { ...recipe, builder: word(BuilderKind, recipe.builder) }
}

export function buildJson(build: Build) {
  const { failure, builderKind } = build
  return {
    ...build,
    builderKind: builderKind > 0 ? word(BuilderKind, builderKind) : '',
    trigger: word(BuildTrigger, build.trigger),
    state: word(BuildState, build.state),
    failure: failure > 0 ? word(BuildFailure, failure) : '',
    checks: build.checks.map(checkJson),
  }
}

export function replicaJson(replica: Replica) {
  return { ...replica, state: word(ReplicaState, replica.state) }
}

export function localJson({ image, replica }: LocalImage) {
  return { image: image && imageJson(image), replica: replica && replicaJson(replica) }
}
