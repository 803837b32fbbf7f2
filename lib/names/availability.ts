import { Failure } from '../failure.ts'
import { resolve, type Context, type Resolution, type World } from './resolve.ts'

/** Where an image has to be to be eligible. */
export type Availability = 'any' | 'prefer-present' | 'present-only'

/** A resolution, and for which context it is the answer. */
export interface Available {
  readonly resolution: Resolution
  readonly context: Context
}

/** Resolves among what is present, or, where that is a wish only and nothing there fits, among everything. */
export function resolveAvailable(
  world: World,
  text: string,
  context: Context,
  availability: Availability,
): Available {
  const { present: _present, place: _place, ...anywhere } = context
  switch (availability) {
    case 'any':
      return { resolution: resolve(world, text, anywhere), context: anywhere }
    case 'present-only':
      return { resolution: resolve(world, text, context), context }
    case 'prefer-present':
      try {
        return { resolution: resolve(world, text, context), context }
      } catch (error) {
        if (!isForLackOfPresence(error)) throw error
        return { resolution: resolve(world, text, anywhere), context: anywhere }
      }
  }
}

function isForLackOfPresence(error: unknown): boolean {
  return error instanceof Failure && ['NO_MATCH', 'NOT_PRESENT'].includes(error.reason)
}
