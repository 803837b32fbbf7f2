import { expect, test } from '@jest/globals'
import { replicas } from '../../agent/report.ts'
import { totalToFetch, type Transfer } from '../../agent/transfers.ts'
import type { Wait } from '../../agent/plan.ts'
import { makeBell } from '../../lib/bell.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { exhausted } from '../../lib/failure.ts'
import { WatchDesiredStateResponse } from '../../proto/gen/merge/image/v1/agent.ts'
import { ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'

const transfer: Transfer = {
  state: 'fetching',
  startedAt: 0,
  imageBytes: 1000,
  reusedBytes: 400,
  bytes: { peer: 100, portal: 50 },
  failures: 0,
}

function standing(
  wanted: readonly string[],
  transfers: Record<string, Transfer>,
  here: string[],
  waits: ReadonlyMap<string, Wait> = new Map(),
) {
  const images = wanted.map((name) => ({
    image: Image.create({ name }),
    holders: [],
    fetchers: [],
  }))
  const state = {
    desired: WatchDesiredStateResponse.create({ images }),
    applied: 0n,
    unreachable: undefined,
    waits,
    transfers: new Map(Object.entries(transfers)),
    bell: makeBell(),
  }
  return replicas(
    state,
    here.map((name) => Image.create({ name, digest: `sha256:${name}` })),
    { clock: { now: () => 5_000, sleep }, now: () => new Date('2026-06-15T12:00:00.500Z') },
  )
}

test('a report has every image that is wanted or here, once, by name', () => {
  const found = standing(['c', 'a'], {}, ['b', 'a'])
  expect(found.map(({ image, state }) => [image, state] as const)).toEqual([
    ['a', ReplicaState.REPLICA_STATE_PRESENT],
    ['b', ReplicaState.REPLICA_STATE_PRESENT],
    ['c', ReplicaState.REPLICA_STATE_WAITING],
  ])
})

test('an image on its way tells how far it is, and from where', () => {
  expect(standing(['a'], { a: transfer }, [])).toMatchObject([
    {
      state: ReplicaState.REPLICA_STATE_FETCHING,
      totalBytes: 600n,
      peerBytes: 100n,
      portalBytes: 50n,
    },
  ])
})

test('an image that failed tells why, until it is here', () => {
  const failure = exhausted('DISK_FULL', 'no space is left')
  const failed = {
    a: { ...transfer, state: 'failed', failure, failures: 1, retryAt: 8_000 } as const,
  }
  expect(standing(['a'], failed, [])).toMatchObject([
    {
      state: ReplicaState.REPLICA_STATE_FAILED,
      error: 'no space is left',
      nextTime: new Date('2026-06-15T12:00:04Z'),
    },
  ])
  expect(standing(['a'], failed, ['a'])).toMatchObject([
    { state: ReplicaState.REPLICA_STATE_PRESENT, error: '', nextTime: undefined },
  ])
})

test('an image that waits tells for what its rules have it wait, and until when', () => {
  const opensAt = new Date('2026-06-15T20:00:00Z')
  const waits = new Map<string, Wait>([
    ['a', { kind: 'closed', rule: 'nightly', opensAt }],
    ['b', { kind: 'alone', rule: 'near' }],
  ])
  expect(standing(['a', 'b'], {}, [], waits)).toMatchObject([
    { error: 'waits for 20:00 UTC, as the sync rule nightly says', nextTime: opensAt },
    {
      error: 'waits until another facility has it whole, as the sync rule near says',
      nextTime: undefined,
    },
  ])
})

test('what is to be fetched is never less than what was, and exact in the end', () => {
  expect(totalToFetch({ ...transfer, bytes: { peer: 700, portal: 50 } })).toBe(750)
  expect(totalToFetch({ ...transfer, state: 'present' })).toBe(150)
})
