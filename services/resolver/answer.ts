import type { Failure } from '../../lib/failure.ts'
import { renderRejections, renderResolution } from '../../lib/names/answer.ts'
import { resolveAvailable } from '../../lib/names/availability.ts'
import { explain, type Rejection } from '../../lib/names/explain.ts'
import { imageNamed, type Image } from '../../lib/names/images.ts'
import { renderImageName } from '../../lib/names/name.ts'
import type { Context, Resolution, World } from '../../lib/names/resolve.ts'
import type { ResolveFailure } from '../../proto/gen/merge/image/v1/resolver.ts'
import { stateCode } from '../images/render.ts'
import type { FacilityAt } from './facilities.ts'
import type { Question } from './question.ts'
import type { Rendered } from './rendered.ts'
import type { Snapshot } from './snapshot.ts'
import { decodeImage, encodeImage, type Answer } from './wire.ts'

/** What a question is answered from. */
export interface Ground {
  readonly snapshot: Snapshot
  /** The snapshot's world, or how it was at the time that is asked about. */
  readonly world: World
  readonly facility: FacilityAt | undefined
  readonly now: Date
}

/** What was found out. */
export interface Found {
  readonly resolution: Resolution
  readonly rejections: readonly Rejection[]
}

/** Most candidates that an explanation goes into. */
export const mostRejections = 1000

/** Answers from what is in memory: the image that is meant, or the Failure that says why there is none. */
export function find(question: Question, ground: Ground, most = mostRejections): Found {
  const { reference, availability } = question
  const { world } = ground
  const asked = contextOf(question, ground)
  const { resolution, context } = resolveAvailable(world, reference, asked, availability)
  return {
    resolution,
    rejections: question.explain ? explain(world, reference, context, most) : [],
  }
}

/** The answer as it is sent. */
export async function renderFound(
  { resolution, rejections }: Found,
  { snapshot, world, facility }: Ground,
  rendered: Rendered,
): Promise<Answer> {
  const { image } = resolution
  const isNow = world === snapshot.world
  const today = isNow ? image : (imageNamed(snapshot.world.images, image.name) ?? image)
  const field = await rendered(today, world.catalogue)
  return {
    image: today === image ? field : inState(field, image.state),
    rest: {
      image: undefined,
      ...renderResolution(resolution),
      generation: snapshot.generation,
      rejected: renderRejections(rejections),
      present: isPresent(image, facility),
    },
  }
}

/** The same image in the state that it had. */
function inState(field: Buffer, state: Image['state']): Buffer {
  const image = decodeImage(field)
  return image === undefined ? field : encodeImage({ ...image, state: stateCode(state) })
}

export function renderFailure({ reason, message, facts }: Failure): ResolveFailure {
  return { reason, message, metadata: { ...facts } }
}

function contextOf({ arch, asOf }: Question, { facility, now }: Ground): Context {
  const time = asOf ?? now
  const node = arch === undefined ? {} : { arch }
  if (facility === undefined) return { now: time, ...node }
  const { name, arch: facilityArch } = facility
  return {
    now: time,
    ...node,
    ...(facilityArch === undefined ? {} : { facilityArch }),
    present: (image) => isPresent(image, facility),
    place: name,
  }
}

function isPresent({ name }: Image, facility: FacilityAt | undefined): boolean {
  return facility?.present.has(renderImageName(name)) ?? false
}
