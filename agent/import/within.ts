import { sep } from 'node:path'
import { denied, type Failure } from '../../lib/failure.ts'
import { readFault } from '../../lib/workers/faults.ts'

/** A place, and what its files may lie below, without links in their paths. */
export interface Opened {
  readonly root: string
  readonly allowed: string
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)
}

export function leadsOut(name: string): Failure {
  const text = `${name} leads out of the folder that this agent may import from: put the file itself there.`
  return denied('NOT_ALLOWED', text, { name })
}

export async function reading<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw readFault(path, error)
  }
}
