import { describe, expect, test } from '@jest/globals'
import { layOut } from '../../lib/chunks/pack.ts'
import type { ChunkIndex } from '../../lib/chunks/places.ts'
import { chunksOf, digestsOf } from '../support/chunks.ts'

export interface OpenIndex extends AsyncDisposable {
  readonly index: ChunkIndex
}

/** What every chunk index does; `open` makes an empty one. */
export function chunkIndexContract(name: string, open: () => Promise<OpenIndex>): void {
  const [one, two] = [chunksOf('one', 30), chunksOf('two', 30)]
  const entriesOf = (chunks: typeof one) => layOut(chunks.map(({ entry }) => entry))

  describe(`${name} is a chunk index`, () => {
    test('what is recorded is located, the rest is absent, each once and in the order asked', async () => {
      await using opened = await open()
      const { index } = opened
      await index.record('packs/1', 1000, entriesOf(one))
      const asked = [...digestsOf(two).toReversed(), ...digestsOf(one), ...digestsOf(two)]
      expect(await index.absent(asked)).toEqual(digestsOf(two).toReversed())
      const places = await index.locate(asked)
      expect([...places.keys()].toSorted()).toEqual(digestsOf(one).toSorted())
      for (const { digest, ...place } of entriesOf(one)) {
        expect(places.get(digest)).toEqual({ ...place, pack: 'packs/1' })
      }
    })

    test('a chunk keeps its first place, and recording a pack again changes nothing', async () => {
      await using opened = await open()
      const { index } = opened
      await index.record('packs/1', 1000, entriesOf(one))
      await index.record('packs/2', 2000, entriesOf([...two, ...one]))
      const before = await index.locate(digestsOf([...one, ...two]))
      await index.record('packs/1', 1000, entriesOf(one))
      await index.record('packs/2', 2000, entriesOf([...two, ...one]))
      expect(await index.locate(digestsOf([...one, ...two]))).toEqual(before)
      const packs = (chunks: typeof one) => digestsOf(chunks).map((d) => before.get(d)?.pack)
      expect(new Set(packs(one))).toEqual(new Set(['packs/1']))
      expect(new Set(packs(two))).toEqual(new Set(['packs/2']))
    })

    test('what is removed is absent, and may be recorded anew', async () => {
      await using opened = await open()
      const { index } = opened
      await index.record('packs/1', 1000, entriesOf(one))
      await index.remove(digestsOf([...two, ...one]))
      expect(await index.absent(digestsOf(one))).toEqual(digestsOf(one))
      await index.record('packs/2', 1000, entriesOf(one))
      const places = await index.locate(digestsOf(one))
      expect(new Set([...places.values()].map(({ pack }) => pack))).toEqual(new Set(['packs/2']))
    })

    test('a long question is answered as a short one', async () => {
      await using opened = await open()
      const { index } = opened
      const many = chunksOf('many', 9000, 1)
      await index.record('packs/1', 1000, entriesOf(many))
      expect((await index.locate(digestsOf([...many, ...one]))).size).toBe(many.length)
      expect(await index.absent(digestsOf([...many, ...one, ...many]))).toEqual(digestsOf(one))
      await index.remove(digestsOf(many))
      expect(await index.absent(digestsOf(many))).toHaveLength(many.length)
    })
  })
}
