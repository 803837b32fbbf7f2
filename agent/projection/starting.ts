import { join } from 'node:path'
import type { HealingSource } from '../../lib/chunks/healing.ts'
import { parseDigest } from '../../lib/content/digest.ts'
import { decodeManifest } from '../../lib/content/encoding.ts'
import { boots, kinds, type Manifest } from '../../lib/content/manifest.ts'
import { invalid, missing } from '../../lib/failure.ts'
import type { World } from '../../lib/service.ts'
import type { Values } from '../../lib/settings.ts'
import { ImageState, type Artifact } from '../../proto/gen/merge/image/v1/image.ts'
import type { ImageTable } from '../images.ts'
import type { Storage } from '../storage.ts'
import { asFailure, type SyncDeps } from '../sync.ts'
import { folderShelf } from './folder.ts'
import { serveFolder } from './http.ts'
import type { LaidFile } from './layout.ts'
import { makeFile } from './making.ts'
import type { Shown, Wish } from './plan.ts'
import { projector, type Projector } from './projecting.ts'
import type { projectionSettings } from './settings.ts'
import type { Shelf } from './shelf.ts'

type ProjectionSettings = Values<typeof projectionSettings>
type LayoutSettings = Pick<ProjectionSettings, 'projectLayout' | 'projectAs' | 'projectAliases'>

interface Deps extends Pick<World, 'newUuid' | 'now' | 'log'> {
  readonly data: string
  /** Whether this is the portal's own agent, which holds no images. */
  readonly isPortals: boolean
  readonly sync: Pick<SyncDeps, 'state' | 'clock'>
  readonly storage: Omit<Storage, 'store'> & { readonly store: HealingSource }
}

/** Opens the place where images are laid out, if there is to be one. */
export async function prepareProjection(
  settings: ProjectionSettings,
  { data, isPortals, sync, storage, newUuid, now, log }: Deps,
  stack: AsyncDisposableStack,
): Promise<Projector | undefined> {
  const { project: place, projectListen } = settings
  if (place === undefined) {
    if (projectListen === undefined) return undefined
    throw invalid('INVALID_FIELD', 'Give --project DIR: --project-listen serves what lies there.')
  }
  if (isPortals) {
    const text = "--project is for a facility's agent: the portal's own holds no images."
    throw invalid('INVALID_FIELD', text, { field: 'project' })
  }
  const shelf = await openShelf(place, settings, { data, newUuid }, stack)
  if (projectListen !== undefined) await serve(shelf, place, projectListen, log, stack)
  return projectOnto(shelf, settings, { sync, storage, newUuid, now, log }, makeFile)
}

/** Lays out what the facility holds, each file made by `make`. */
export function projectOnto(
  shelf: Shelf,
  settings: LayoutSettings,
  { sync, storage, newUuid, now, log }: Omit<Deps, 'data' | 'isPortals'>,
  make: typeof makeFile,
): Projector {
  const { images, usage, store, pool } = storage
  const { state, clock } = sync
  const manifestOf = (image: string): Manifest => findManifest(images, image)
  return projector({
    ...{ shelf, usage, clock, now, newUuid, log, asFailure, bell: state.bell },
    table: storage.projection(shelf.place),
    images: () =>
      shownIn(
        images,
        state.desired.images.flatMap(({ image }) => image ?? []),
      ),
    wish: () => wishOf(settings, state.desired.aliases),
    make: (wanted, path, signal) =>
      make(wanted, path, { store, pool, newUuid, manifestOf }, signal),
  })
}

async function openShelf(
  place: string,
  settings: ProjectionSettings,
  { data, newUuid }: Pick<Deps, 'data' | 'newUuid'>,
  stack: AsyncDisposableStack,
): Promise<Shelf> {
  if (!place.startsWith('s3://')) return folderShelf(place, newUuid)
  const staging = join(data, 'projection')
  const { bucketShelf } = await import('./bucket.ts')
  return bucketShelf(place, settings, { staging, newUuid }, stack)
}

async function serve(
  { place: root }: Shelf,
  place: string,
  address: string,
  log: World['log'],
  stack: AsyncDisposableStack,
): Promise<void> {
  if (place.startsWith('s3://')) {
    const text = 'A bucket is served by its own server: give --project-listen with a folder only.'
    throw invalid('INVALID_FIELD', text, { field: 'projectListen' })
  }
  const { port } = stack.use(await serveFolder(root, address))
  log.info({ address: address.replace(/:\d+$/, `:${port}`) }, 'images served over HTTP')
}

/** As the portal said last of those that are wanted, and as they came of the others. */
function shownIn(
  images: ImageTable,
  wanted: readonly { readonly name: string; readonly state: ImageState }[],
): readonly Shown[] {
  const states = new Map(wanted.map(({ name, state }) => [name, state]))
  return images.present().map(({ name, digest, state, artifacts }) => ({
    ...{ name, digest, files: artifacts.flatMap(fileOf) },
    isRevoked: (states.get(name) ?? state) === ImageState.IMAGE_STATE_REVOKED,
  }))
}

function fileOf({ kind, boot }: Artifact): LaidFile[] {
  const [ofKind, forBoot] = [kinds[kind - 1], boots[boot - 1]]
  return ofKind === undefined || forBoot === undefined ? [] : [{ kind: ofKind, boot: forBoot }]
}

function wishOf(
  { projectLayout: template, projectAs: form, projectAliases: asked = [] }: LayoutSettings,
  known: readonly { readonly name: string; readonly image: string }[],
): Wish {
  const isAsked = (name: string): boolean => asked.includes('all') || asked.includes(name)
  const aliases = known.filter(({ name }) => isAsked(name))
  return {
    ...{ template, form, named: new Set(asked) },
    aliases: new Map(aliases.map(({ name, image }) => [name, image])),
  }
}

function findManifest(images: ImageTable, name: string): Manifest {
  const digest = images.find(name)?.digest
  const bytes = digest === undefined ? undefined : images.manifest(parseDigest(digest))
  if (bytes !== undefined) return decodeManifest(bytes)
  throw missing('NOT_PRESENT', `${name} is not here any more.`, { name })
}
