import type { Values } from '../../lib/settings.ts'
import type { ImportingDeps, Loop } from './loops.ts'
import type { importSettings } from './settings.ts'

/** The loops of an agent that imports; none where the settings do not say that it does, and then nothing is loaded for it. */
export async function prepareImporting(
  settings: Values<typeof importSettings> & { readonly buildReserve: number },
  data: string,
  deps: ImportingDeps,
): Promise<Loop[]> {
  if (!settings.import) return []
  const { importingLoops } = await import('./loops.ts')
  return importingLoops(settings, data, deps)
}
