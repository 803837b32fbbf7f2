import { setImmediate } from 'node:timers/promises'
import { Failure, invalid } from '../../lib/failure.ts'
import type { World } from '../../lib/names/resolve.ts'
import { find, mostRejections, type Found, type Ground } from './answer.ts'
import type { FacilityAt } from './facilities.ts'
import type { Question } from './question.ts'
import type { Sources } from './sources.ts'
import type { Snapshot } from './snapshot.ts'

/** What many questions mean, in the order asked, all of them by one snapshot. */
export interface FoundMany {
  readonly snapshot: Snapshot
  readonly answers: readonly ({ readonly found: Found; readonly ground: Ground } | Failure)[]
}

/** Between so many questions the others who wait get their turn. */
const turnOf = 50
const mostTimes = 10
/** Most candidates that all explanations together go into. */
const mostRejectionsOfAll = 10_000

/** Answers questions; one that is a Failure already, or means no image, does not fail the others. */
export async function findMany(
  questions: readonly (Question | Failure)[],
  sources: Sources,
  now: Date,
): Promise<FoundMany> {
  const understood = questions.flatMap((one) => (one instanceof Failure ? [] : one))
  const snapshot = await sources.snapshot()
  const facilities = await facilitiesOf(understood, sources)
  const worlds = await worldsOf(understood, snapshot, sources)
  const explained = understood.filter(({ explain }) => explain).length
  const most = Math.min(mostRejections, Math.ceil(mostRejectionsOfAll / Math.max(1, explained)))
  const answer = (question: Question): FoundMany['answers'][number] => {
    const facility = facilities.get(question.facility)
    if (facility instanceof Failure) return facility
    const world = worlds.get(question.asOf?.getTime()) ?? snapshot.world
    const ground = { snapshot, world, facility, now }
    return attempt(() => ({ found: find(question, ground, most), ground }))
  }
  const answers: FoundMany['answers'][number][] = []
  for (const question of questions) {
    if (answers.length % turnOf === turnOf - 1) await setImmediate()
    answers.push(question instanceof Failure ? question : answer(question))
  }
  return { snapshot, answers }
}

/** What a call answers, or the Failure that it ends with; a defect goes on. */
export function attempt<T>(call: () => T): T | Failure {
  try {
    return call()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}

async function facilitiesOf(
  questions: readonly Question[],
  { facility }: Sources,
): Promise<ReadonlyMap<string, FacilityAt | Failure>> {
  const names = new Set(
    questions.map((question) => question.facility).filter((name) => name !== ''),
  )
  const found = new Map<string, FacilityAt | Failure>()
  const look = async (name: string): Promise<void> => {
    try {
      found.set(name, await facility(name))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      found.set(name, error)
    }
  }
  await Promise.all([...names].map(look))
  return found
}

async function worldsOf(
  questions: readonly Question[],
  snapshot: Snapshot,
  { past }: Sources,
): Promise<ReadonlyMap<number | undefined, World>> {
  const times = new Set(questions.flatMap(({ asOf }) => asOf?.getTime() ?? []))
  if (times.size > mostTimes) {
    throw invalid('INVALID_FIELD', `Ask as of ${mostTimes} times at most in one batch.`, {
      field: 'as_of',
    })
  }
  const made = [...times].map(async (time) => [time, await past(new Date(time), snapshot)] as const)
  return new Map(await Promise.all(made))
}
