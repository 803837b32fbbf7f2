import { describe, expect, test } from '@jest/globals'
import { rm } from 'node:fs/promises'
import {
  checker,
  type HealingSource,
  healer,
  takeAll,
  telling,
} from '../../../lib/chunks/healing.ts'
import type { RankedSource } from '../../../lib/chunks/ranking.ts'
import type { Run } from '../../../lib/chunks/source.ts'
import { verified } from '../../../lib/chunks/verified.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { exhausted, unavailable } from '../../../lib/failure.ts'
import {
  chunksOf,
  collect,
  contentOf,
  digestsOf,
  holding,
  rawChunk,
  storedOf,
} from '../../support/chunks.ts'
import { recorder } from '../../support/log.ts'
import { type Shelf, shelfOf, toldClock, verifyHere } from '../../support/shelf.ts'

const chunks = chunksOf('chunks', 60)
const digests = digestsOf(chunks)
const [first] = digests
if (first === undefined) throw new Error('no chunks')
const never = new AbortController().signal
const whole: RankedSource = { name: 'a peer', origin: 'peer', source: holding(chunks) }

function healed(shelf: Shelf, sources: readonly RankedSource[] = [whole]) {
  const { lines, log } = recorder()
  const { blobs, damage, store, index: places } = shelf
  const deps = { blobs, damage, store, places, verify: verifyHere, clock: toldClock(), log }
  const heal = healer({ ...deps, sources: () => Promise.resolve(sources) })
  return { source: { ...store, heal }, lines }
}

/** Takes runs as a write-out does: wrong bytes are seen only then. */
async function takeChecked(source: HealingSource) {
  const taken: Run[] = []
  await takeAll(source, digests, async (run) => void taken.push(await verifyHere(run)), never)
  const whole = [...storedOf(chunks)]
  const content = contentOf(taken)
  const right = whole.filter(([digest, stored]) => content.get(digest) === stored)
  return { right: right.length, runs: taken.flatMap(({ entries }) => entries).length }
}

describe('a read that meets damage', () => {
  test('goes on with good copies, takes each chunk once, and the damage is known', async () => {
    await using shelf = await shelfOf(chunks)
    const bad = [first, digests[30], digests[59]].flatMap((digest) => digest ?? [])
    const packs = []
    for (const digest of bad) packs.push(await shelf.rot(digest))
    const { source, lines } = healed(shelf)
    expect(await takeChecked(source)).toEqual({ right: chunks.length, runs: chunks.length })
    expect(await shelf.damage.packs()).toEqual(packs)
    expect(await shelf.damage.left()).toEqual([])
    expect(lines).toMatchObject([{ msg: 'a read met damage', damaged: 3, repaired: 3, left: 0 }])
  })

  test('goes on where a pack is gone, and where damage was known before', async () => {
    await using shelf = await shelfOf(chunks)
    const [gone = '', , third = ''] = await shelf.packs()
    await rm(shelf.fileOf(gone))
    const [known] = await shelf.collectable.contents(third)
    await shelf.damage.note(third, known === undefined ? [] : [known.digest])
    const { source } = healed(shelf)
    expect(await takeChecked(source)).toEqual({ right: chunks.length, runs: chunks.length })
    expect(await shelf.damage.packs()).toEqual([gone, third])
  })

  test('fails where nobody has a good copy, says which chunk, and the damage is known', async () => {
    await using shelf = await shelfOf(chunks)

    await shelf.rot(first)
    const { source, lines } = healed(shelf, [])
    await expect(takeChecked(source)).rejects.toMatchObject({
      reason: 'CHUNK_CORRUPT',
      message: expect.stringContaining('nobody who can be reached has a good copy'),
      facts: { digest: first, count: '1' },
    })
    expect(await shelf.damage.left()).toEqual([first])
    expect(lines).toMatchObject([{ damaged: 1, repaired: 0, left: 1 }])
  })

  test('of whole bytes that fail for another reason is not tried again', async () => {
    await using shelf = await shelfOf(chunks)
    const { source } = healed(shelf)
    let tries = 0
    const take = (): Promise<void> => {
      tries++
      return Promise.reject(exhausted('DISK_FULL', 'no space is left'))
    }
    const taking = takeAll(source, digests, take, never)
    await expect(taking).rejects.toMatchObject({ reason: 'DISK_FULL' })
    expect(tries).toBe(1)
  })

  test('ends if bytes stay wrong that the store believes are right', async () => {
    await using shelf = await shelfOf(chunks)
    await shelf.rot(first)
    const source = { ...shelf.store, heal: () => Promise.resolve() }
    await expect(takeChecked(source)).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  })
})

describe('a chunk that somebody says is wrong', () => {
  function checked(shelf: Shelf) {
    const { heal } = healed(shelf).source
    const { blobs, index: places, collectable: index } = shelf
    return checker(heal, { blobs, verify: verifyHere, places, index })
  }

  test('and is, has its whole pack looked at, and no other', async () => {
    await using shelf = await shelfOf(chunks)
    const pack = await shelf.rot(first)
    const second = digests[1] ?? first
    expect(await shelf.rot(second)).toBe(pack)
    const elsewhere = digests[59] ?? first
    await shelf.rot(elsewhere)
    await checked(shelf)([first], never)
    expect(await shelf.damage.packs()).toEqual([pack])
    expect(await shelf.index.absent(digests)).toEqual([])
    expect(
      [...(await shelf.index.locate([first, second])).values()].map((at) => at.pack),
    ).not.toContain(pack)
  })

  test('and is not, or is not there, changes nothing', async () => {
    await using shelf = await shelfOf(chunks)
    await checked(shelf)([...digests.slice(0, 5), ...digestsOf(chunksOf('unknown', 3))], never)
    expect(await shelf.damage.packs()).toEqual([])
    expect(await shelf.packs()).toEqual((await shelf.collectable.packUse(0)).map(({ key }) => key))
  })
})

test('a source is told of what it sent wrong, and of nothing else', async () => {
  const told: Digest[] = []
  const tell = (digest: Digest): void => void told.push(digest)
  const lying = holding([{ ...rawChunk(Buffer.from('right')), stored: Buffer.from('wrong') }])
  const { digest } = rawChunk(Buffer.from('right')).entry
  const source = telling(verified(lying, verifyHere), tell)
  await expect(collect(source.fetch([digest]))).rejects.toMatchObject({ reason: 'CHUNK_CORRUPT' })
  expect(told).toEqual([digest])
  const short = telling(verified({ ...lying, fetch: away }, verifyHere), tell)
  await expect(collect(short.fetch([digest]))).rejects.toMatchObject({ reason: 'UNREACHABLE' })
  await collect(telling(holding(chunks), tell).fetch(digests))
  expect(told).toHaveLength(1)
})

function away(): never {
  throw unavailable('UNREACHABLE', 'nobody answers')
}
