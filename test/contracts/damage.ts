import { describe, expect, test } from '@jest/globals'
import type { CollectableIndex } from '../../lib/chunks/collectable.ts'
import { type DamageLog, noCounts } from '../../lib/chunks/damage.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import type { ChunkIndex } from '../../lib/chunks/places.ts'
import { chunksOf, digestsOf } from '../support/chunks.ts'

export interface OpenDamage extends AsyncDisposable {
  readonly index: ChunkIndex
  readonly collectable: CollectableIndex
  readonly damage: DamageLog
}

/** What every log of damage does, beside its index; `open` makes an empty one. */
export function damageContract(name: string, open: () => Promise<OpenDamage>): void {
  const chunks = chunksOf('chunks', 10)
  const digests = digestsOf(chunks)
  const entries = layOut(chunks.map(({ entry }) => entry))
  const [first, second, third] = digests
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('no chunks')

  describe(`${name} is a log of damage`, () => {
    test('what is damaged counts as absent and has no place, the rest of the pack has', async () => {
      await using opened = await open()
      const { index, damage } = opened
      await index.record('packs/1', 1000, entries)
      await damage.note('packs/1', [second, first])
      expect(await index.absent(digests)).toEqual([first, second])
      expect([...(await index.locate(digests)).keys()].toSorted()).toEqual(
        digests.slice(2).toSorted(),
      )
      expect(await damage.left()).toEqual([first, second])
      expect(await damage.packs()).toEqual(['packs/1'])
    })

    test('damage is counted once, and only of chunks that lie in the pack', async () => {
      await using opened = await open()
      const { index, damage } = opened
      await index.record('packs/1', 1000, entries.slice(0, 2))
      await index.record('packs/2', 1000, entries)
      expect(await damage.note('packs/1', [first, third])).toBe(1)
      expect(await damage.note('packs/1', [first, second])).toBe(1)
      expect(await damage.note('packs/1', [])).toBe(0)
      expect(await damage.note('packs/9', [third])).toBe(0)
      expect(await damage.left()).toEqual([first, second])
    })

    test('a good copy in another pack takes the place; the same pack again does not', async () => {
      await using opened = await open()
      const { index, damage } = opened
      await index.record('packs/1', 1000, entries)
      await damage.note('packs/1', [first])
      await index.record('packs/1', 1000, entries)
      expect(await index.absent(digests)).toEqual([first])
      await index.record('packs/2', 1000, layOut(entries.slice(0, 1)))
      expect(await index.absent(digests)).toEqual([])
      expect((await index.locate([first])).get(first)?.pack).toBe('packs/2')
      expect(await damage.left()).toEqual([])
      expect(await damage.packs()).toEqual(['packs/1'])
    })

    test('a pack that goes takes its damage along', async () => {
      await using opened = await open()
      const { index, damage, collectable } = opened
      await index.record('packs/1', 1000, entries)
      await damage.note('packs/1', [first])
      await index.record('packs/2', 1000, layOut(entries.slice(0, 1)))
      await collectable.replace(['packs/1'], { key: 'packs/3', sizeBytes: 900 }, entries.slice(1))
      expect(await damage.packs()).toEqual([])
      expect(await index.absent(digests)).toEqual([])
    })

    test('both copies of a chunk can be damaged, one after the other', async () => {
      await using opened = await open()
      const { index, damage } = opened
      await index.record('packs/1', 1000, entries)
      await damage.note('packs/1', [first])
      await index.record('packs/2', 1000, layOut(entries.slice(0, 1)))
      expect(await damage.note('packs/2', [first])).toBe(1)
      expect(await damage.left()).toEqual([first])
      expect(await damage.packs()).toEqual(['packs/1', 'packs/2'])
    })

    test('the place of a scrub is kept, and what the last pass came to', async () => {
      await using opened = await open()
      const { damage } = opened
      const none = { after: '', endedAt: 0, soFar: noCounts, last: undefined }
      expect(await damage.place()).toEqual(none)
      const soFar = { packs: 1, bytes: 2e12, damaged: 3, repaired: 4, left: 5 }
      for (const place of [
        { after: 'packs/1', endedAt: 0, soFar, last: undefined },
        { after: 'packs/2', endedAt: 1_764_000_000_123, soFar, last: noCounts },
        { after: '', endedAt: 1_764_000_000_123, soFar: noCounts, last: soFar },
      ]) {
        await damage.keepPlace(place)
        expect(await damage.place()).toEqual(place)
      }
    })
  })
}
