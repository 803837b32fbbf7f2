import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { fingerprintsFrom } from '../../agent/fingerprints.ts'
import { joinFingerprints } from '../../lib/chunks/fingerprint.ts'
import { sha256, type Digest } from '../../lib/content/digest.ts'
import { internal } from '../../lib/failure.ts'
import { untilAborted } from '../support/rpc.ts'
import { recorder } from '../support/log.ts'

const signal = new AbortController().signal
const [one, two] = [sha256(Buffer.from('one')), sha256(Buffer.from('two'))]
const print = Buffer.alloc(32, 7)

async function* telling(digests: readonly Digest[]) {
  await Promise.resolve()
  const fingerprints = joinFingerprints(
    digests.map((digest) => (digest === one ? print : undefined)),
  )
  yield { digests, fingerprints }
}

test('what the portal tells is known as long as somebody fetches, what it does not tell is not', async () => {
  const { known, learn } = fingerprintsFrom({ fingerprints: telling }, recorder().log)
  const learning = learn([one, two], signal)
  await setImmediate()
  expect(known(one)).toEqual(print)
  expect(known(two)).toBeUndefined()
  learning[Symbol.dispose]()
  expect(known(one)).toBeUndefined()
})

test('a run is recognised by what the portal tells, and not by what its sender does', async () => {
  const { of, learn } = fingerprintsFrom({ fingerprints: telling }, recorder().log)
  using _learning = learn([one, two], signal)
  await setImmediate()
  const entry = { codec: 'raw', storedBytes: 1, rawBytes: 1 } as const
  const entries = [two, one].map((digest) => ({ ...entry, digest }))
  const run = { entries, payload: Buffer.alloc(2), told: Buffer.alloc(64, 9) }
  expect(of(run)).toEqual(joinFingerprints([undefined, print]))
})

test('nobody waits for a portal that hangs, and it is left when the fetch ends', async () => {
  let left = false
  const fingerprints = async function* (_: readonly Digest[], until: AbortSignal) {
    await untilAborted(until)
    left = true
    yield* telling([])
  }
  const { known, learn } = fingerprintsFrom({ fingerprints }, recorder().log)
  const learning = learn([one], signal)
  expect(known(one)).toBeUndefined()
  learning[Symbol.dispose]()
  await setImmediate()
  expect(left).toBe(true)
})

test('what comes after the fetch has ended is forgotten', async () => {
  const { known, learn } = fingerprintsFrom({ fingerprints: telling }, recorder().log)
  learn([one], signal)[Symbol.dispose]()
  await setImmediate()
  expect(known(one)).toBeUndefined()
})

test('a portal that cannot tell is said once in the log, and stops nothing', async () => {
  const { log, lines } = recorder()
  // eslint-disable-next-line require-yield
  const fingerprints = async function* (): ReturnType<typeof telling> {
    await Promise.resolve()
    throw internal('INTERNAL', 'no such call')
  }
  const { known, learn } = fingerprintsFrom({ fingerprints }, log)
  using _learning = learn([one], signal)
  await setImmediate()
  expect(known(one)).toBeUndefined()
  expect(lines).toEqual([expect.objectContaining({ msg: 'fingerprints failed; decoding' })])
})
