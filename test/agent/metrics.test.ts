import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { damageIn } from '../../agent/damage.ts'
import { openAgentDatabase } from '../../agent/database.ts'
import { imagesIn } from '../../agent/images.ts'
import { agentFigures } from '../../agent/metrics.ts'
import type { Transfer } from '../../agent/transfers.ts'
import { makeBell } from '../../lib/bell.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { counted, limitTo } from '../../lib/chunks/limit.ts'
import { openMeter } from '../../lib/metrics/meter.ts'
import { WatchDesiredStateResponse } from '../../proto/gen/merge/image/v1/agent.ts'
import { temporaryFolder } from '../support/folder.ts'

const transfer = (state: Transfer['state']): Transfer => ({
  ...{ state, startedAt: 0, imageBytes: 1, reusedBytes: 0, failures: 0 },
  bytes: { peer: 0, portal: 0 },
})

async function textOf(isPortals: boolean): Promise<string> {
  await using folder = await temporaryFolder()
  const db = openAgentDatabase(folder.path)
  const clock = { now: () => 95_000, sleep }
  const failures: string[] = []
  const meter = openMeter((of) => failures.push(of))
  agentFigures({
    ...{ data: join(folder.path), facility: 'lab1', isPortals },
    security: { expires: () => undefined },
    limit: counted(limitTo(undefined, clock)),
    storage: { images: imagesIn(db), damage: damageIn(db) },
    sync: {
      clock,
      state: {
        desired: WatchDesiredStateResponse.create({ generation: 7n }),
        ...{
          heard: true,
          applied: 5n,
          unreachable: undefined,
          waits: new Map(),
          heardAt: 5000,
          bell: makeBell(),
        },
        fetched: { peer: 10, portal: 20 },
        transfers: new Map([
          ['a', transfer('failed')],
          ['b', transfer('failed')],
          ['c', transfer('fetching')],
        ]),
      },
    },
  })(meter)
  const text = await meter.text()
  db.close()
  expect(failures).toEqual([])
  return text
}

test('an agent tells what failed, how far it lags, and since when it has not heard of the portal', async () => {
  const lines = (await textOf(false)).split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'merge_image_images{state="failed"} 2',
      'merge_image_transfers{state="fetching"} 1',
      'merge_image_fetched_bytes_total{origin="peer"} 10',
      'merge_image_fetched_bytes_total{origin="portal"} 20',
      'merge_image_desired_generation 7',
      'merge_image_applied_generation 5',
      'merge_image_portal_silence_seconds 90',
      'merge_image_damaged_chunks{store="main"} 0',
    ]),
  )
})

test('the portal’s own agent holds nothing for a facility, and tells of its store alone', async () => {
  const text = await textOf(true)
  expect(text).toContain('merge_image_packs{store="main"} 0')
  expect(text).not.toContain('generation')
  expect(text).not.toContain('silence')
})
