import { expect, test } from '@jest/globals'
import type { Progress } from '../../cli/progress.ts'
import { Replica, ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { PullResponse, type WriteOutRequest } from '../../proto/gen/merge/image/v1/local.ts'
import { streamOf } from '../support/rpc.ts'
import { mrsWith } from './local.ts'

const name = 'debian-13.1-std-x86-20260615'

function replica(state: ReplicaState, peerBytes: bigint, portalBytes: bigint): PullResponse {
  const standing = Replica.fromPartial({
    image: name,
    state,
    totalBytes: 400n,
    peerBytes,
    portalBytes,
  })
  return PullResponse.fromPartial({
    local: { image: { name }, replica: standing },
    reusedBytes: 600n,
    elapsedMs: 2_000n,
  })
}

const unknown = PullResponse.fromPartial({})
const fetching = replica(ReplicaState.REPLICA_STATE_FETCHING, 100n, 50n)
const whole = replica(ReplicaState.REPLICA_STATE_PRESENT, 300n, 100n)

/** Runs mrs-image against an agent whose pulls go as told. */
async function mrs(pulls: readonly PullResponse[], ...argv: readonly string[]) {
  const written: WriteOutRequest[] = []
  const step = { image: name, doneBytes: 5_000n, totalBytes: 5_000n }
  const told = {
    pull: () => streamOf(...pulls),
    writeOut: (request: WriteOutRequest) => {
      written.push(request)
      return streamOf(step)
    },
    verify: () => streamOf(step),
  }
  const shown: Progress[] = []
  const meter = () => ({
    show: (progress: Progress) => void shown.push(progress),
    [Symbol.dispose]: () => undefined,
  })
  const { exit, out, err } = await mrsWith(told, argv, { meter })
  return { exit, out, err, shown, written }
}

test('pull waits until the image is here and says what came from where', async () => {
  const { exit, out, shown } = await mrs([unknown, fetching, whole], 'pull', 'debian')
  expect(exit).toBe(0)
  expect(shown).toEqual([
    {
      label: name,
      doneBytes: 150,
      totalBytes: 400,
      detail: 'peers 100 B, portal 50 B, here already 600 B',
    },
  ])
  expect(out).toEqual([
    `${name} is here: 300 B from peers, 100 B from the portal, 600 B were here already; 2.0 s, 200 B/s.`,
  ])
})

test('an image that is here needs no waiting', async () => {
  expect((await mrs([whole], 'pull', 'debian')).out).toEqual([`${name} was here already.`])
})

test('pull --async returns as soon as the agent knows the image', async () => {
  const { out } = await mrs([unknown, fetching, whole], 'pull', 'debian', '--async')
  expect(out).toEqual([`${name} is fetching.`])
})

test('a pull that ends before the image is here has failed', async () => {
  const { exit, err } = await mrs([fetching], 'pull', 'debian')
  expect(exit).toBe(1)
  expect(err[0]).toContain('stopped telling before the image was here')
})

test('write out asks for an absolute path', async () => {
  const { out, written } = await mrs([], 'write', 'out', 'debian', 'sub/vmlinuz', '--kernel')
  expect(written).toMatchObject([{ reference: 'debian', path: '/sub/vmlinuz', replace: false }])
  expect(out[0]).toMatch(/^\/sub\/vmlinuz is the kernel of debian-13\.1-std-x86-20260615: 5\.0 kB/)
})

test('one file is written at a time', async () => {
  const { exit } = await mrs([], 'write', 'out', 'debian', 'f', '--kernel', '--initramfs')
  expect(exit).toBe(2)
})

test('verify says what was checked, as JSON too', async () => {
  const { out } = await mrs([], 'verify', 'debian', '--json')
  expect(JSON.parse(out[0] ?? '')).toMatchObject({ image: name, dataBytes: 5_000 })
})
