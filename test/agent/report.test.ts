import { expect, test } from '@jest/globals'
import { replicas } from '../../agent/report.ts'
import { totalToFetch, type Transfer } from '../../agent/transfers.ts'
import { makeBell } from '../../lib/bell.ts'
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

function standing(wanted: readonly string[], transfers: Record<string, Transfer>, here: string[]) {
  const images = wanted.map((name) => ({
    image: Image.create({ name }),
    holders: [],
    fetchers: [],
  }))
  const state = {
    desired: WatchDesiredStateResponse.create({ images }),
    applied: 0n,
    unreachable: undefined,
    transfers: new Map(Object.entries(transfers)),
    bell: makeBell(),
  }
  return replicas(
    state,
    here.map((name) => Image.create({ name, digest: `sha256:${name}` })),
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
  const failed = { a: { ...transfer, state: 'failed', failure, failures: 1 } as const }
  expect(standing(['a'], failed, [])).toMatchObject([
    { state: ReplicaState.REPLICA_STATE_FAILED, error: 'no space is left' },
  ])
  expect(standing(['a'], failed, ['a'])).toMatchObject([
    { state: ReplicaState.REPLICA_STATE_PRESENT, error: '' },
  ])
})

test('what is to be fetched is never less than what was, and exact in the end', () => {
  expect(totalToFetch({ ...transfer, bytes: { peer: 700, portal: 50 } })).toBe(750)
  expect(totalToFetch({ ...transfer, state: 'present' })).toBe(150)
})
