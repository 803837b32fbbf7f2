import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../../lib/service.ts'
import type { Values } from '../../lib/settings.ts'
import type { Publisher } from '../publishing.ts'
import type { Upstream } from '../upstream.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import { keepBuilding, type BuilderDeps } from './builder.ts'
import { lookAtMachine, type Surroundings } from './machine.ts'
import type { builderSettings } from './settings.ts'
import { workerIn } from './worker.ts'

export interface BuildingDeps extends Pick<World, 'log' | 'now' | 'newUuid'> {
  readonly surroundings: Surroundings
  readonly facility: string
  readonly clock: Clock
  readonly upstream: Upstream
  readonly publisher: Publisher
}

/** The loop of an agent that builds; none where the settings do not say that it does. */
export async function prepareBuilding(
  { build, builds, buildDir, buildReserve }: Values<typeof builderSettings>,
  data: string,
  { surroundings, ...deps }: BuildingDeps,
): Promise<((signal: AbortSignal) => Promise<void>)[]> {
  if (build.length === 0) return []
  const worker = await workerIn(data, deps.newUuid)
  const builder: BuilderDeps = {
    ...deps,
    worker,
    builders: build,
    // What is in it is swept away at the start, so it is nobody else's: a folder that somebody names may hold other things.
    folder:
      buildDir === undefined
        ? join(await realpath(data), 'builds')
        : join(await realDir(buildDir), `merge-image-${worker}`),
    cache: join(data, 'packages'),
    reserveBytes: buildReserve,
    machine: await lookAtMachine(build, surroundings),
  }
  return [(signal) => keepBuilding(builds, builder, signal)]
}

/** Without links in its path, as the kernel tells where processes are and what is mounted. */
async function realDir(path: string): Promise<string> {
  await mkdir(path, { recursive: true })
  return realpath(path)
}
