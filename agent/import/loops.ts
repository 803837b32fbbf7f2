import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../../lib/service.ts'
import type { Values } from '../../lib/settings.ts'
import type { Clock } from '../../lib/chunks/clock.ts'
import { workerIn } from '../build/worker.ts'
import type { Publisher } from '../publishing.ts'
import type { Upstream } from '../upstream.ts'
import { guardOf } from './guard.ts'
import { keepImporting, type ImporterDeps } from './importer.ts'
import { openOrigin } from './open.ts'
import type { OriginDeps } from './origin.ts'
import { keepScanning } from './scanner.ts'
import type { importSettings } from './settings.ts'

export interface ImportingDeps extends Pick<World, 'log' | 'now' | 'newUuid'> {
  readonly facility: string
  readonly clock: Clock
  readonly upstream: Upstream
  readonly publisher: Publisher
}

export type Loop = (signal: AbortSignal) => Promise<void>

/** Looks at sources, and imports what they want. */
export async function importingLoops(
  settings: Values<typeof importSettings> & { readonly buildReserve: number },
  data: string,
  deps: ImportingDeps,
): Promise<Loop[]> {
  const { now, clock, newUuid } = deps
  const origins: OriginDeps = {
    ...{ importFolders: settings.importFrom, ...(await guardOf(settings)), now, clock },
    random: () => Number.parseInt(newUuid().slice(0, 8), 16) / 2 ** 32,
  }
  const importer: ImporterDeps = {
    ...deps,
    worker: await workerIn(data, newUuid),
    folder: join(await realpath(data), 'imports'),
    reserveBytes: settings.buildReserve,
    open: (place, signal) => openOrigin(place, origins, signal),
  }
  return [
    (signal) => keepImporting(settings.imports, importer, signal),
    (signal) => keepScanning(importer, signal),
  ]
}
