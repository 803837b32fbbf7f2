import type { Clock } from '../../lib/chunks/clock.ts'
import type { Limits } from '../../lib/recipes/recipe.ts'
import { Fault } from './fault.ts'
import { watchRoom } from './room.ts'

/** Calls `end` when the time of a build or its part of the disk is used up; stops when the signal aborts. */
export async function watchLimits(
  folder: string,
  { timeMs, diskBytes }: Pick<Limits, 'timeMs' | 'diskBytes'>,
  { clock, reserveBytes }: { readonly clock: Clock; readonly reserveBytes: number },
  end: (why: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const room = { limitBytes: diskBytes, reserveBytes }
  const watched = watchRoom(folder, room, clock, signal).catch(end)
  const timed = clock.sleep(timeMs, signal).then(
    () => {
      const minutes = Math.round(timeMs / 60_000)
      end(new Fault('TIME', `The build took longer than its limit of ${minutes} min.`))
    },
    () => undefined,
  )
  await Promise.all([watched, timed])
}
