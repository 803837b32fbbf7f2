import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Digest } from '../../../lib/content/digest.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { CheckOutcome, Image } from '../../../proto/gen/merge/image/v1/image.ts'
import type { BuiltImage } from '../../../proto/gen/merge/image/v1/upload.ts'
import type { Verdict } from '../../../agent/build/checks.ts'
import { deliver } from '../../../agent/build/delivery.ts'
import { Fault } from '../../../agent/build/fault.ts'
import type { Publisher } from '../../../agent/publishing.ts'
import { commandRecipe } from '../../support/building.ts'

const job = { target: 'debian', recipe: parseRecipe(commandRecipe(['true'])), parent: undefined }
const failed: Verdict = { name: 'boot', outcome: 'failed', message: 'It stopped' }

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

  function delivered(
    check: (signal: AbortSignal) => Promise<readonly Verdict[]>,
    by: Publisher = publisher,
  ): Promise<void> {
    const bench = {
      signal: ending.signal,
      tell: () => undefined,
      journal: { say: () => undefined },
    }
    const held = { flushed: () => Promise.resolve(events.push('flushed')).then(() => undefined) }
    const product = { files: [], packages: [], inputs: undefined, check }
    return deliver('claim', job, product, { bench, held, publisher: by })
  }

  test('is stored while it is checked, and becomes an image with what the checks came to', async () => {
    const gate = Promise.withResolvers<undefined>()
    const delivering = delivered(async () => {
      await gate.promise
      events.push('checked')
      return [failed]
    })
    expect(events).toEqual(['stored'])
    gate.resolve(undefined)
    await delivering
    expect(events).toEqual(['stored', 'checked', 'flushed', 'committed'])
    expect(committed?.checks.map(({ outcome }) => outcome)).toEqual([
      CheckOutcome.CHECK_OUTCOME_FAILED,
    ])
  })

  test('becomes no image if it cannot be checked', async () => {
    const why = new Fault('BUILDER', 'qemu cannot be run')
    await expect(delivered(() => Promise.reject(why))).rejects.toBe(why)
    expect(events).toEqual(['stored'])
  })

  test('is not checked any longer once it cannot be published', async () => {
    const why = new Fault('PUBLISH', 'the store is full')
    const broken: Publisher = { publish: () => Promise.reject(why) }
    const delivering = delivered(untilAborted, broken)
    await expect(delivering).rejects.toBe(why)
  })

  test('becomes no image if the build is called off while it is checked', async () => {
    const delivering = delivered(untilAborted)
    const why = new Error('called off')
    ending.abort(why)
    await expect(delivering).rejects.toBe(why)
    expect(events).toEqual(['stored'])
  })
})

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })
}
