import { Failure } from '../../lib/failure.ts'
import { renderImageName } from '../../lib/names/name.ts'
import type { Resolution } from '../../lib/names/resolve.ts'
import type { Warning } from '../../lib/names/warning.ts'
import { attempt, findMany } from './many.ts'
import { parseArch, type Question } from './question.ts'
import type { Sources } from './sources.ts'

/** A reference and for whom it is meant. */
export interface Ask {
  readonly reference: string
  /** Any spelling; empty for the facility's, else the portal's default. */
  readonly arch: string
  /** Empty for none. */
  readonly facility: string
}

/** The image that a reference means. */
export interface Answered {
  /** The exact name. */
  readonly name: string
  /** `sha256:<hex>`. */
  readonly digest: string
  readonly warnings: readonly Warning[]
}

/** What references mean now, for the other parts of the portal. */
export interface Resolver {
  /** Resolves each, all against one generation; an answer that is a Failure says why that reference means no image. */
  resolveMany(
    asks: readonly Ask[],
    now?: Date,
  ): Promise<{
    readonly generation: bigint
    readonly answers: readonly (Answered | Failure)[]
  }>
}

export function makeResolver(sources: Sources, clock: () => Date): Resolver {
  return {
    async resolveMany(asks, now = clock()) {
      // The nodes of an experiment want few images in many places.
      const distinct = new Map(asks.map((ask) => [keyOf(ask), ask]))
      const questions = [...distinct.values()].map((ask) => attempt(() => questionOf(ask)))
      const { snapshot, answers } = await findMany(questions, sources, now)
      const byKey = new Map([...distinct.keys()].map((key, i) => [key, answers[i]]))
      return {
        generation: snapshot.generation,
        answers: asks.flatMap((ask) => {
          const answer = byKey.get(keyOf(ask))
          if (answer === undefined) return []
          return answer instanceof Failure ? answer : toAnswered(answer.found.resolution)
        }),
      }
    },
  }
}

function keyOf({ reference, arch, facility }: Ask): string {
  return JSON.stringify([reference, arch, facility])
}

function questionOf({ reference, arch, facility }: Ask): Question {
  const anywhereNow = { availability: 'any', asOf: undefined, explain: false } as const
  return { reference, arch: parseArch(arch), facility, ...anywhereNow }
}

function toAnswered({ image, warnings }: Resolution): Answered {
  return { name: renderImageName(image.name), digest: `sha256:${image.digest}`, warnings }
}
