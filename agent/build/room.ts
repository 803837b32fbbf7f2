import { execFile } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Clock } from '../../lib/chunks/clock.ts'
import { Fault } from './fault.ts'
import { toolPath } from './toolpath.ts'

export interface RoomLimits {
  readonly limitBytes: number
  /** What must stay free on the disk for everybody else. */
  readonly reserveBytes: number
}

export interface RoomUsed {
  readonly usedBytes: number
  readonly freeBytes: number
}

/** Why a build may use no more of the disk; undefined while it may. */
export function whyNoRoom(
  { usedBytes, freeBytes }: RoomUsed,
  limits: RoomLimits,
): string | undefined {
  const { limitBytes, reserveBytes } = limits
  if (usedBytes > limitBytes) {
    return `The build has filled ${usedBytes} bytes of the disk, and its limit is ${limitBytes}.`
  }
  if (freeBytes < reserveBytes) {
    return `The builder's disk is nearly full: ${freeBytes} bytes are free, and ${reserveBytes} must stay so.`
  }
  return undefined
}

const everyMs = 250
/** Counting what a tree takes costs some; it may take this share of the time. */
const share = 20

/** Watches what a folder takes of the disk, and rejects once that is too much. Resolves when the signal aborts. */
export async function watchRoom(
  folder: string,
  limits: RoomLimits,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let countAt = 0
  let usedBytes = 0
  while (!signal.aborted) {
    if (clock.now() >= countAt) {
      const began = clock.now()
      usedBytes = await usedIn(folder)
      countAt = clock.now() + Math.max(everyMs, share * (clock.now() - began))
    }
    const { bavail, bsize } = await statfs(folder)
    const why = whyNoRoom({ usedBytes, freeBytes: bavail * bsize }, limits)
    if (why !== undefined) throw new Fault('DISK', why)
    await clock.sleep(everyMs, signal).catch(() => undefined)
  }
}

const execute = promisify(execFile)

/** What a folder takes of the disk. */
export async function usedIn(folder: string): Promise<number> {
  const options = { env: { PATH: toolPath, LC_ALL: 'C' } }
  // Files go while they are counted, which du says with its exit code.
  const { stdout } = await execute('du', ['-s', '-x', '--block-size=1', folder], options).catch(
    (error: unknown) => error as { readonly stdout?: string },
  )
  return Number((stdout ?? '').split('\t')[0] ?? 0) || 0
}
