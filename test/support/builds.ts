import { randomUUID } from 'node:crypto'
import { encodeManifest } from '../../lib/content/encoding.ts'
import {
  ClaimBuildRequest,
  FailedBuild,
  type Build,
  type ClaimBuildResponse,
} from '../../proto/gen/merge/image/v1/build.ts'
import {
  CheckKind,
  CheckOutcome,
  type CheckResult,
  type Image,
} from '../../proto/gen/merge/image/v1/image.ts'
import { BuilderKind, type Recipe } from '../../proto/gen/merge/image/v1/recipe.ts'
import {
  BeginUploadRequest,
  CommitHeader,
  type CommitUploadRequest,
} from '../../proto/gen/merge/image/v1/upload.ts'
import { manifestOf, storeMessages } from './images.ts'
import type { Clients } from './portal.ts'
import { recipeText } from './recipes.ts'

/** Keeps a recipe, with some fields otherwise than `recipeText` has them. */
export async function putRecipe(
  { builds }: Clients,
  name: string,
  fields: Parameters<typeof recipeText>[0] = {},
): Promise<Recipe> {
  const request = { requestId: randomUUID(), name, text: recipeText(fields) }
  const answer = await builds.putRecipe({ ...request, etag: '', validateOnly: false })
  if (answer.recipe === undefined) throw new Error('no recipe came back')
  return answer.recipe
}

/** Queues a build, and answers its name. */
export async function run(
  { builds }: Clients,
  recipe: string,
  more: { readonly force?: boolean } = {},
): Promise<string> {
  const request = { requestId: randomUUID(), recipe, version: 0, force: false, reason: '' }
  const { build } = await builds.runBuild({ ...request, ...more })
  return build?.name ?? ''
}

/** A claim of a builder for the portal, or of another one. */
export function claimRequest(more: Partial<ClaimBuildRequest> = {}): ClaimBuildRequest {
  return ClaimBuildRequest.create({
    facility: 'portal',
    claim: randomUUID(),
    worker: 'w1',
    kinds: [BuilderKind.BUILDER_KIND_MMDEBSTRAP],
    archs: ['x86'],
    ...more,
  })
}

/** A build that was claimed, and by what. */
export type Claimed = ClaimBuildResponse & { readonly claim: string; readonly build: Build }

export async function claim(
  { builds }: Clients,
  more: Partial<ClaimBuildRequest> = {},
): Promise<Claimed> {
  const request = claimRequest(more)
  const answer = await builds.claimBuild(request)
  if (answer.build === undefined) throw new Error('there is nothing to build')
  return { ...answer, build: answer.build, claim: request.claim }
}

export async function log({ builds }: Clients, claimed: Claimed, text: string, offset = 0) {
  const data = Buffer.from(text)
  return builds.appendBuildLog({ claim: claimed.claim, offset: BigInt(offset), data })
}

export async function fail({ builds }: Clients, claim: string, message = 'it broke') {
  const value = FailedBuild.create({ failure: 2, message })
  return builds.finishBuild({ claim, outcome: { $case: 'failed', value } })
}

const kinds = [
  CheckKind.CHECK_KIND_BOOT,
  CheckKind.CHECK_KIND_FSCK,
  CheckKind.CHECK_KIND_PACKAGES,
  CheckKind.CHECK_KIND_HYGIENE,
] as const

/** What the checks came to: all passed, but those that are given otherwise. */
export function checks(
  but: Readonly<Partial<Record<CheckKind, CheckOutcome>>> = {},
): CheckResult[] {
  return kinds.map((kind) => {
    const outcome = but[kind] ?? CheckOutcome.CHECK_OUTCOME_PASSED
    return { kind, outcome, message: 'as it was' }
  })
}

/** Publishes the image of a build over the API alone, as its builder does, and so ends the build, unless checks follow. */
export async function finish(
  clients: Clients,
  claimed: Claimed,
  data: Uint8Array,
  more: {
    readonly checks?: CheckResult[]
    readonly checksFollow?: boolean
    readonly inputsDigest?: string
    readonly target?: string
    readonly requestId?: string
  } = {},
): Promise<Image> {
  const { uploads, chunks } = clients
  const target = more.target ?? claimed.build.target
  const begin = BeginUploadRequest.create({ requestId: randomUUID(), target })
  const { upload } = await uploads.beginUpload(begin)
  const uploadId = upload?.id ?? ''
  await chunks.storeChunks(storeMessages(uploadId, data))
  const { claim } = claimed
  const { inputsDigest = '', checksFollow = false } = more
  const header = CommitHeader.create({
    requestId: more.requestId ?? randomUUID(),
    uploadId,
    built: { claim, inputsDigest, checks: more.checks ?? checks(), checksFollow },
  })
  return commit(clients, header, data)
}

/** Commits an upload of these bytes. */
export async function commit(
  { uploads }: Clients,
  header: CommitHeader,
  data: Uint8Array,
): Promise<Image> {
  const { image } = await uploads.commitUpload(messages(header, data))
  if (image === undefined) throw new Error('no image came back')
  return image
}

async function* messages(
  value: CommitHeader,
  data: Uint8Array,
): AsyncGenerator<CommitUploadRequest> {
  yield { message: { $case: 'header', value } }
  yield { message: { $case: 'part', value: Buffer.from(encodeManifest(manifestOf(data))) } }
  await Promise.resolve()
}
