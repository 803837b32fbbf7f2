import type { World } from '../../lib/names/resolve.ts'
import type { Sql } from '../db/open.ts'
import type { Ground } from './answer.ts'
import { followFacilities, type FacilityAt } from './facilities.ts'
import { pastWorlds } from './past.ts'
import type { Question } from './question.ts'
import { rememberedAnswers, type Remembered } from './remembered.ts'
import { renderedImages, type Rendered } from './rendered.ts'
import { followWorld, type Snapshot } from './snapshot.ts'

/** Where resolution has its knowledge from: the database, by way of memory. */
export interface Sources {
  readonly snapshot: () => Promise<Snapshot>
  readonly facility: (name: string) => Promise<FacilityAt>
  readonly past: (time: Date, present: Snapshot) => Promise<World>
  readonly rendered: Rendered
  readonly remembered: Remembered
}

export function openSources(sql: Sql): Sources {
  return {
    snapshot: followWorld(sql),
    facility: followFacilities(sql),
    past: pastWorlds(sql),
    rendered: renderedImages(sql),
    remembered: rememberedAnswers(),
  }
}

/** What one question is answered from. */
export async function groundOf(question: Question, sources: Sources, now: Date): Promise<Ground> {
  const { asOf } = question
  const reading = question.facility === '' ? undefined : sources.facility(question.facility)
  const [snapshot, facility] = await Promise.all([sources.snapshot(), reading])
  const world = asOf === undefined ? snapshot.world : await sources.past(asOf, snapshot)
  return { snapshot, world, facility, now }
}
