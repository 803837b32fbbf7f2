import { readFile } from 'node:fs/promises'
import type { Values } from '../../lib/settings.ts'
import { readFault } from '../../lib/workers/faults.ts'
import { noCredentials, readCredentials } from './credentials.ts'
import type { OriginDeps } from './origin.ts'
import type { guardSettings } from './settings.ts'

type GuardSettings = Values<typeof guardSettings>

/** Reads the files that the settings name. */
export async function guardOf(
  settings: GuardSettings,
): Promise<Pick<OriginDeps, 'credentials' | 'ca' | 'insideAllowed' | 'mostBytes'>> {
  const { importCredentials, importCa, importInside, importMost } = settings
  return {
    credentials:
      importCredentials === undefined ? noCredentials : await readCredentials(importCredentials),
    ...(importCa === undefined ? {} : { ca: await textOf(importCa) }),
    insideAllowed: importInside,
    mostBytes: BigInt(importMost),
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw readFault(path, error)
  }
}
