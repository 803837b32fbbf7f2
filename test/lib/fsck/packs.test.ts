import { expect, test } from '@jest/globals'
import { checkPacks } from '../../../lib/fsck/packs.ts'
import type { Side } from '../../../lib/fsck/side.ts'
import { blobsInMemory } from '../../support/blobs.ts'

const { signal } = new AbortController()

/** A side whose rows tell of so many packs, in a store that has none. */
function empty(packs: number) {
  const noted: string[] = []
  const rows = Array.from({ length: packs }, (_, i) => ({
    ...{ key: `packs/${i}`, sizeBytes: 1000, chunks: 1, liveBytes: 900, deadBytes: 0 },
  }))
  const side = {
    blobs: blobsInMemory(),
    collectable: {
      packUse: () => Promise.resolve(rows),
      contents: () => Promise.resolve([]),
      unrecorded: () => Promise.resolve([]),
    },
    damage: {
      left: () => Promise.resolve([]),
      note: (pack: string) => Promise.resolve(noted.push(pack)),
    },
  } as unknown as Side
  const check = (repair: boolean, allLost: boolean) =>
    checkPacks(side, { read: false, repair, allLost }, () => undefined, signal)
  return { check, noted }
}

test('a store in which none of several packs is there is not repaired: it may be elsewhere', async () => {
  const { check, noted } = empty(3)
  await expect(check(true, false)).rejects.toMatchObject({
    reason: 'NOT_READY',
    message: expect.stringContaining('--all-lost'),
  })
  expect(noted).toEqual([])
  expect((await check(false, false)).findings).toHaveLength(3)
})

test('whoever says that all are lost has them noted', async () => {
  const { check, noted } = empty(3)
  await check(true, true)
  expect(noted).toEqual(['packs/0', 'packs/1', 'packs/2'])
})

test('the only pack of a small store can be lost without saying so', async () => {
  const { check, noted } = empty(1)
  await check(true, false)
  expect(noted).toEqual(['packs/0'])
})
