import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Failure } from '../../lib/failure.ts'
import type { Alias } from '../../proto/gen/merge/image/v1/alias.ts'
import { ResolveImageRequest } from '../../proto/gen/merge/image/v1/resolver.ts'
import { aliasCalls } from '../support/aliases.ts'
import { publish } from '../support/images.ts'
import { faultsOf, type Operation, type Seen } from '../support/linearizable.ts'
import { freshPortal, type Clients } from '../support/portal.ts'

// Sixteen clients move and read a few aliases over real gRPC, and what they saw is checked to have one order.

/** HISTORIES=100 takes ten minutes: docs/benchmarks.md has what came of 20. */
const histories = Number(process.env['HISTORIES'] ?? 6)
const clientCount = 16
const operationCount = 3000
const aliasCount = 3
const imageCount = 24
const seed = Number(process.env['SEED'] ?? 20261123)

/** Numbers from 0 to 1 that a seed decides. */
function* chances(name: string): Generator<number, never> {
  for (let i = 0; ; i++) {
    yield createHash('sha256').update(`${seed} ${name} ${i}`).digest().readUInt32BE() / 2 ** 32
  }
}

/** What clients do, and how often of a hundred times. */
const shares = { set: 15, cas: 15, back: 5, get: 30, resolve: 35 } as const
type Work = keyof typeof shares
const works = (Object.keys(shares) as Work[]).flatMap((work) =>
  Array<Work>(shares[work]).fill(work),
)

describe('aliases that sixteen clients move and read at once', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let clients: readonly Clients[]
  let images: readonly string[]
  const counts: Partial<Record<Seen['did'], number>> = {}
  let elapsedMs = 0

  beforeAll(async () => {
    portal = await freshPortal()
    clients = Array.from({ length: clientCount }, (_, i) => portal.as(`producer:p${i}`))
    const data = randomBytes(1000)
    const begun = Array.from({ length: imageCount }, (_, i) =>
      publish(nth(clients, i), 'kali-2026', data),
    )
    images = await Promise.all(begun)
  }, 60_000)

  afterAll(() => portal[Symbol.asyncDispose]())

  test.each(Array.from({ length: histories }, (_, i) => i))(
    'have one order that explains all that was seen: history %i',
    async (number) => {
      const history: Operation[] = []
      const aliases = Array.from({ length: aliasCount }, (_, i) => `h${number}-${i}`)
      let [now, begun] = [0, 0]
      const work = async (client: Clients, chance: Generator<number, never>): Promise<void> => {
        const known = new Map<string, number>()
        const one = <T>(of: readonly T[]): T => nth(of, Math.floor(chance.next().value * of.length))
        while (begun++ < operationCount) {
          const alias = one(aliases)
          const task = { alias, image: one(images), expected: known.get(alias) ?? 1 }
          const start = now++
          const seen = await operate(client, one(works), task)
          history.push({ alias, start, end: now++, ...seen })
          if ('version' in seen) known.set(alias, seen.version)
        }
      }
      const before = performance.now()
      await Promise.all(clients.map((client, i) => work(client, chances(`${number} ${i}`))))
      elapsedMs += performance.now() - before
      for (const { did } of history) counts[did] = (counts[did] ?? 0) + 1
      expect(history).toHaveLength(operationCount)
      expect(faultsOf(history).slice(0, 5)).toEqual([])
    },
    60_000,
  )

  test('and much of each kind was seen', () => {
    const rate = Math.round((histories * operationCount * 1000) / elapsedMs)
    process.stdout.write(`${JSON.stringify(counts)}; ${rate} a second; seed ${seed}\n`)
    const { move = 0, lose = 0, read = 0, resolve = 0 } = counts
    for (const count of [move, lose, read, resolve]) expect(count).toBeGreaterThan(1000)
  })
})

interface Task {
  readonly alias: string
  readonly image: string
  /** The version that this client knows of. */
  readonly expected: number
}

/** One operation, as its client sees it. */
async function operate(client: Clients, work: Work, task: Task): Promise<Seen> {
  try {
    return await act(client, work, task)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { reason } = error
    if (work === 'cas' && reason === 'ETAG_MISMATCH')
      return { did: 'lose', expected: task.expected }
    if (work === 'back' && reason === 'WRONG_STATE') return { did: 'stay' }
    // An alias that is not there yet is read as a distro.
    if (reason === 'ALIAS_NOT_FOUND' || reason === 'UNKNOWN_DISTRO') return { did: 'miss' }
    throw error
  }
}

async function act(client: Clients, work: Work, { alias, image, expected }: Task): Promise<Seen> {
  const { set, get, rollBack } = aliasCalls(client)
  switch (work) {
    case 'set':
      return { did: 'move', ...place(await set(alias, image)) }
    case 'cas': {
      const moved = await set(alias, image, { etag: String(expected) })
      return { did: 'move', ...place(moved), expected }
    }
    case 'back':
      return { did: 'move', ...place(await rollBack(alias)), back: true }
    case 'get':
      return { did: 'read', ...place(await get(alias)) }
    case 'resolve': {
      const request = ResolveImageRequest.create({ reference: alias })
      const { image: found, generation } = await client.resolver.resolveImage(request)
      return { did: 'resolve', image: found?.name ?? '', generation }
    }
  }
}

function place({ etag, image }: Alias): { readonly version: number; readonly image: string } {
  return { version: Number(etag), image }
}

function nth<T>(of: readonly T[], i: number): T {
  const found = of[i % of.length]
  if (found === undefined) throw new Error('there is nothing to choose from')
  return found
}
