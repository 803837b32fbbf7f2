import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Digest } from '../../../lib/content/digest.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { CheckOutcome, Image, type CheckResult } from '../../../proto/gen/merge/image/v1/image.ts'
import type { BuiltImage } from '../../../proto/gen/merge/image/v1/upload.ts'
import type { Verdict } from '../../../agent/build/checks.ts'
import type { Product } from '../../../agent/build/bench.ts'
import { deliver } from '../../../agent/build/delivery.ts'
import { Fault } from '../../../agent/build/fault.ts'
import type { Publisher } from '../../../agent/publishing.ts'
import { commandRecipe } from '../../support/building.ts'

const job = { target: 'debian', recipe: parseRecipe(commandRecipe(['true'])), parent: undefined }
const clean: Verdict = { name: 'hygiene', outcome: 'passed', message: 'there is nothing' }
const failed: Verdict = { name: 'boot', outcome: 'failed', message: 'It stopped' }
const passedOutcome = CheckOutcome.CHECK_OUTCOME_PASSED
const failedOutcome = CheckOutcome.CHECK_OUTCOME_FAILED

describe('what a build made', () => {
  let events: string[]
  let committed: BuiltImage | undefined
  let ending: AbortController

  beforeEach(() => {
    events = []
    committed = undefined
    ending = new AbortController()
  })

  const publisher: Publisher = {
    async publish(_publication, news, signal) {
      events.push('stored')
      committed = await news.built('0'.repeat(64) as Digest)
      signal.throwIfAborted()
      events.push('committed')
      return Image.create()
    },
  }

  const slow: Publisher = {
    async publish(...given) {
      await setImmediate()
      return publisher.publish(...given)
    },
  }

  type Trying = Product['tryOut']

  function delivered(tryOut: Trying, by: Publisher = publisher, look = looked) {
    const bench = {
      signal: ending.signal,
      tell: () => undefined,
      journal: { say: () => undefined },
    }
    const held = { flushed: () => Promise.resolve(events.push('flushed')).then(() => undefined) }
    const product = { files: [], packages: [], inputs: undefined, look, tryOut }
    return deliver('claim', job, product, { bench, held, publisher: by })
  }

  const looked = (): Promise<readonly Verdict[]> => Promise.resolve([clean])
  const outcomes = (results: readonly CheckResult[] | undefined) =>
    results?.map(({ outcome }) => outcome)

  test('becomes an image with what all checks came to, if they are over when it is stored', async () => {
    expect(await delivered(() => Promise.resolve(failed), slow)).toBeUndefined()
    expect(events).toEqual(['stored', 'flushed', 'committed'])
    expect(committed?.checksFollow).toBe(false)
    expect(outcomes(committed?.checks)).toEqual([passedOutcome, failedOutcome])
  })

  test('becomes an image while it is booted, and what that came to ends the build', async () => {
    const gate = Promise.withResolvers<Verdict>()
    const delivering = delivered(() => gate.promise)
    await setImmediate()
    expect(events).toEqual(['stored', 'flushed', 'committed'])
    expect(committed?.checksFollow).toBe(true)
    expect(outcomes(committed?.checks)).toEqual([passedOutcome])
    gate.resolve(failed)
    const end = await delivering
    expect(end).toMatchObject({ $case: 'made', value: { checks: [{ outcome: failedOutcome }] } })
  })

  test('is told to who boots it as soon as it is stored', async () => {
    const waiting = delivered(async (stored) => {
      expect(events).toEqual([])
      await stored
      expect(events).toContain('stored')
      return failed
    }, slow)
    expect(await waiting).toMatchObject({ $case: 'made' })
  })

  test('becomes no image if it cannot be looked at', async () => {
    const why = new Fault('BUILDER', 'e2fsck cannot be run')
    const look = () => Promise.reject<readonly Verdict[]>(why)
    await expect(
      delivered((_stored, signal) => untilAborted(signal), publisher, look),
    ).rejects.toBe(why)
    expect(events).toEqual(['stored'])
  })

  test('is not checked any longer once it cannot be published', async () => {
    const why = new Fault('PUBLISH', 'the store is full')
    const broken: Publisher = { publish: () => Promise.reject(why) }
    const delivering = delivered((_stored, signal) => untilAborted(signal), broken)
    await expect(delivering).rejects.toBe(why)
  })

  test('becomes no image if the build is called off while it is stored', async () => {
    const storing: Publisher = { publish: (_publication, _news, signal) => untilAborted(signal) }
    const delivering = delivered(() => Promise.resolve(failed), storing)
    const why = new Error('called off')
    ending.abort(why)
    await expect(delivering).rejects.toBe(why)
  })

  test('is not booted any longer once the build is called off', async () => {
    const delivering = delivered((_stored, signal) => untilAborted(signal))
    await setImmediate()
    const why = new Error('called off')
    ending.abort(why)
    await expect(delivering).rejects.toBe(why)
    expect(events).toContain('committed')
  })
})

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })
}
