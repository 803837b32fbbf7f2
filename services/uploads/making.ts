import type { Manifest } from '../../lib/content/manifest.ts'
import { parseDigest } from '../../lib/content/digest.ts'
import { denied, invalid, precondition } from '../../lib/failure.ts'
import { parseImageName, renderImageName, type ImageName } from '../../lib/names/name.ts'
import type { Target } from '../../lib/names/target.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { BuiltImage, CommitHeader } from '../../proto/gen/merge/image/v1/upload.ts'
import { followLines } from '../aliases/follow.ts'
import { holdImage } from '../aliases/queries.ts'
import { lockClaimed, lost } from '../builders/claiming.ts'
import { parseChecks, unpassedOf } from '../builds/checks.ts'
import { endBuild } from '../builds/ending.ts'
import { isMade } from '../builds/made.ts'
import { keepChecks, type BuildRow, type CheckRow } from '../builds/queries.ts'
import { announce, announceBuild } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { wantDeltas } from '../deltas/queries.ts'
import { want } from '../facilities/queries.ts'
import { newGeneration } from '../generation.ts'
import { takeQuota } from '../images/custom.ts'
import { lockLine, nextSerial } from '../images/lines.ts'
import { insertImage } from '../images/queries.ts'
import { noImage } from '../images/found.ts'
import { keepForeignManifest, keepManifest } from './manifests.ts'
import { insertPackages } from './packages.ts'
import type { UploadRow } from './queries.ts'

/** What a commit is made of. */
export interface Given {
  readonly upload: UploadRow
  readonly target: Target
  readonly header: CommitHeader
  readonly manifest: Manifest
  readonly bytes: Uint8Array
  readonly caller: Caller
}

/** Makes the image of an upload, with its name and, where a build made it, the build's end; answers the name. */
export async function makeImage(tx: Transaction, given: Given, today: string): Promise<string> {
  const { upload, target, header, caller } = given
  const { line } = target
  demandBuild(given)
  const built = header.built && (await lockBuilt(tx, header.built, upload, caller))
  if (built !== undefined) demandParts(built, given.manifest)
  const name = await nameFor(tx, given, built?.build, today)
  const image = renderImageName(name)
  const parent = header.parent === '' ? undefined : await holdParent(tx, header.parent)
  const custom = upload.custom ? await customOf(tx, given) : undefined
  const released = built === undefined ? header.release : isReleased(built)
  await insertImage(tx, {
    ...{ name, custom, notes: upload.notes, labels: upload.labels, creator: caller.name },
    manifest: await manifestOf(tx, given),
    state: released ? 'released' : 'candidate',
    parent,
    build: built?.build.name,
  })
  if (custom === undefined) await wantDeltas(tx, image)
  else await wantAtHome(tx, line.namespace, image, caller)
  await insertPackages(tx, image, header.packages)
  if (built !== undefined) await tellBuild(tx, built)
  const aliases = released ? await followLines(tx, line) : []
  await newGeneration(tx, { images: [image], aliases })
  return image
}

/** The portal's own agent runs what recipes say, so it publishes what it builds and nothing else. */
function demandBuild({ upload, header, caller }: Given): void {
  if (upload.custom || caller.role.kind !== 'agent' || header.built !== undefined) return
  throw denied('NOT_ALLOWED', `${caller.name} publishes what it builds: say which build this is.`)
}

/** What it was made of stays as it is until the transaction ends, and then because this image is there. */
async function holdParent(tx: Transaction, parent: string): Promise<string> {
  const name = renderImageName(parseImageName(parent))
  if ((await holdImage(tx, name)) === undefined) throw noImage(name)
  return name
}

/** A build that made an image, and what it says of it. */
interface Built {
  readonly build: BuildRow
  readonly checks: readonly CheckRow[]
  readonly checksFollow: boolean
  readonly inputs: string | undefined
}

/** The build whose image this is, which must be its builder's still, and not be told to stop. */
async function lockBuilt(
  tx: Transaction,
  { claim, checks, checksFollow, inputsDigest }: BuiltImage,
  { target }: UploadRow,
  caller: Caller,
): Promise<Built> {
  const inputs = inputsDigest === '' ? undefined : parseDigest(inputsDigest)
  const parsed = parseChecks(checks)
  const build = await lockClaimed(tx, claim, caller)
  if (build.canceller !== '') throw lost(build)
  if (isMade(build))
    throw precondition('BUILD_LOST', `The build has made its image: ${build.image}.`)
  if (build.target === target) return { build, checks: parsed, checksFollow, inputs }
  const text = `The build makes ${build.target}, and the upload is of ${target}.`
  throw invalid('INVALID_FIELD', text, { field: 'built' })
}

/** An agent from before disks had parts would import one without its kernel. */
function demandParts({ build }: Built, { artifacts }: Manifest): void {
  const kinds = new Set<string>(artifacts.map(({ kind }) => kind))
  const absent = build.origin?.parts.find(({ kind }) => !kinds.has(kind))
  if (absent === undefined) return
  const text = `The ${absent.kind} that belongs to the disk did not come: the agent is older than the portal; bring in its new version.`
  throw invalid('INVALID_FIELD', text, { field: 'built' })
}

/** The name that the build was given, or else the next one of the day. */
async function nameFor(
  tx: Transaction,
  { upload, target }: Given,
  build: BuildRow | undefined,
  today: string,
): Promise<ImageName> {
  const { line, point } = target
  if (build !== undefined && build.image !== null) {
    await lockLine(tx, line)
    return parseImageName(build.image)
  }
  const day = upload.day === '' ? today : upload.day
  const serial = await nextSerial(tx, { ...line, point }, day)
  return { ...line, point, build: { day, serial } }
}

/** What a facility says that it stores, which is at least a manifest. */
function storedBytesOf({ header, bytes }: Given): bigint {
  const least = BigInt(bytes.length)
  return header.storedBytes > least ? header.storedBytes : least
}

async function customOf(tx: Transaction, given: Given) {
  const { upload, target } = given
  const usual = await takeQuota(tx, target.line.namespace, storedBytesOf(given))
  return { days: upload.days === 0 ? usual : upload.days, shared: upload.shared }
}

function manifestOf(tx: Transaction, given: Given): Promise<bigint> {
  const { upload, manifest, bytes } = given
  return upload.custom
    ? keepForeignManifest(tx, manifest, bytes, storedBytesOf(given))
    : keepManifest(tx, manifest, bytes)
}

function isReleased({ build, checks, checksFollow }: Built): boolean {
  return build.releases && !checksFollow && unpassedOf(build.requiredChecks, checks).length === 0
}

/** It ends, unless its image is checked further. */
async function tellBuild(tx: Transaction, built: Built): Promise<void> {
  const { build, checks, checksFollow, inputs } = built
  await keepChecks(tx, build.name, checks)
  if (!checksFollow) return endBuild(tx, build, { state: 'done', inputs })
  await tx`
    update build set inputs_digest = decode(${inputs ?? null}::text, 'hex') where name = ${build.name}`
  await announceBuild(tx, build.name)
}

/** A facility holds its own images without being told to. */
async function wantAtHome(
  tx: Transaction,
  facility: string,
  image: string,
  caller: Caller,
): Promise<void> {
  await want(tx, facility, image, caller.name)
  await announce(tx)
}
