import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { Fault } from '../../../agent/build/fault.ts'
import { watchLimits } from '../../../agent/build/limits.ts'
import { whyNoRoom } from '../../../agent/build/room.ts'
import { sleep } from '../../../lib/chunks/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'

const minute = 60_000
const most = Number.MAX_SAFE_INTEGER

/** A clock of which a minute takes 100 ms. */
const quick = {
  now: () => performance.now() * 600,
  sleep: (ms: number, signal: AbortSignal) => sleep(ms / 600, signal),
}

/** What ends a build with these limits. */
async function ended(limits: { timeMs: number; diskBytes: number }, reserveBytes = 0) {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'file'), Buffer.alloc(1_000_000, 1))
  const over = new AbortController()
  const end = (why: unknown): void => {
    over.abort(why)
  }
  await watchLimits(folder.path, limits, { clock: quick, reserveBytes }, end, over.signal)
  return over.signal.reason as unknown
}

describe('a build ends', () => {
  test('when its time is over', async () => {
    const why = await ended({ timeMs: minute, diskBytes: most })
    expect(why).toEqual(new Fault('TIME', 'The build took longer than its limit of 1 min.'))
  })

  test('when it takes more of the disk than it may', async () => {
    const why = await ended({ timeMs: 100 * minute, diskBytes: 500_000 })
    expect(why).toMatchObject({ blame: 'DISK' })
  })

  test('when the disk is full, whoever filled it', async () => {
    const why = await ended({ timeMs: 100 * minute, diskBytes: most }, most)
    expect(why).toMatchObject({ blame: 'DISK' })
  })
})

test('a build that keeps to its limits has room', () => {
  const limits = { limitBytes: 100, reserveBytes: 10 }
  expect(whyNoRoom({ usedBytes: 100, freeBytes: 10 }, limits)).toBeUndefined()
  expect(whyNoRoom({ usedBytes: 101, freeBytes: 10 }, limits)).toContain('its limit is 100')
  expect(whyNoRoom({ usedBytes: 100, freeBytes: 9 }, limits)).toContain('nearly full')
})
