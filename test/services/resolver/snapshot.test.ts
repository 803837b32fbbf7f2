import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { indexImages, type Image } from '../../../lib/names/images.ts'
import { parseImageName, renderImageName } from '../../../lib/names/name.ts'
import { newGeneration } from '../../../services/generation.ts'
import type { Sql, Transaction } from '../../../services/db/open.ts'
import { followWorld, type Snapshot } from '../../../services/resolver/snapshot.ts'
import { freshDatabase } from '../../support/database.ts'

/** Resolves once somebody waits for a lock in this database. */
async function untilWaiting(sql: Sql): Promise<void> {
  for (;;) {
    const waiting = await sql`
      select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database
      where not granted and datname = current_database()`
    if (waiting.count > 0) return
  }
}

/** Everything of a snapshot that can differ, in an order of its own. */
function contents({ world, aliases, generation }: Snapshot) {
  const all = new Map([...aliases.all, ...aliases.moved])
  return {
    generation,
    catalogue: world.catalogue,
    images: world.images,
    aliases: [...all].filter(([, image]) => image !== undefined).sort(),
  }
}

const digest = 'ab'.repeat(32)

async function putImage(tx: Transaction, name: string, changes: Partial<Image> = {}) {
  const { state = 'released', storage = 'present', heldBack = false } = changes
  const { distro, release, point, role, arch, build } = parseImageName(name)
  await tx`
    insert into manifest (digest, body, chunk_count, chunk_bytes, stored_bytes)
    values (decode(${digest}, 'hex'), '', 0, 0, 0) on conflict do nothing`
  await tx`
    insert into image (name, distro, release, point, role, arch, day, serial, manifest, state, storage,
      held_back, creator)
    select ${name}, ${distro}, ${release}, ${point}, ${role}, ${arch}, ${build.day}, ${build.serial},
      id, ${state}, ${storage}, ${heldBack}, 'test' from manifest
    on conflict (name) do update
      set state = excluded.state, storage = excluded.storage, held_back = excluded.held_back`
}

async function pointAlias(tx: Transaction, name: string, image: string | null) {
  await tx`
    insert into alias (name, image, actor) values (${name}, ${image}, 'test')
    on conflict (name) do update set image = excluded.image`
}

describe('the world in memory', () => {
  test('is read once for a generation, whoever asks', async () => {
    await using database = await freshDatabase()
    const snapshot = followWorld(database.sql)
    const [first, second] = await Promise.all([snapshot(), snapshot()])
    expect(second).toBe(first)
    expect(await snapshot()).toBe(first)
    await database.sql.begin((tx) => newGeneration(tx, {}))
    const third = await snapshot()
    expect(third.generation).toBe(first.generation + 1n)
  })

  test('is read again for who asks while it is being read', async () => {
    await using database = await freshDatabase()
    const { sql } = database
    const snapshot = followWorld(sql)
    const locked = Promise.withResolvers<undefined>()
    const release = Promise.withResolvers<undefined>()
    const locker = sql.begin(async (tx) => {
      await tx`lock table alias in access exclusive mode`
      locked.resolve(undefined)
      await release.promise
    })
    await locked.promise
    const early = snapshot()
    await untilWaiting(sql)
    await sql.begin(async (tx) => {
      await tx`insert into role (name) values ('added')`
      await newGeneration(tx, { catalogue: true })
    })
    const late = snapshot()
    release.resolve(undefined)
    await locker
    const [before, after] = await Promise.all([early, late])
    expect(after.generation).toBe(before.generation + 1n)
    expect(before.world.catalogue.roles).not.toContain('added')
    expect(after.world.catalogue.roles).toContain('added')
  })

  test('takes a database that was put back for a new one', async () => {
    await using database = await freshDatabase()
    const { sql } = database
    const snapshot = followWorld(sql)
    const name = 'debian-13.0-std-x86-20260101'
    await sql.begin(async (tx) => {
      await putImage(tx, name)
      await newGeneration(tx, { images: [name] })
    })
    expect((await snapshot()).world.images.byDistro.size).toBe(1)
    await sql`delete from image`
    await sql`update names set generation = 1`
    expect((await snapshot()).world.images.byDistro.size).toBe(0)
  })

  test('goes on after a reading that failed', async () => {
    await using database = await freshDatabase()
    const { sql } = database
    const snapshot = followWorld(sql)
    await sql`alter table alias rename to elsewhere`
    await expect(snapshot()).rejects.toThrow('alias')
    await sql`alter table elsewhere rename to alias`
    await expect(snapshot()).resolves.toMatchObject({ generation: expect.any(BigInt) })
  })
})

describe('what is read of the changes alone', () => {
  const names = [
    'debian-12.0-std-x86-20260101',
    'debian-13.0-std-x86-20260101',
    'debian-13.0-std-x86-20260102',
    'debian-13.1-std-x86-20260102.1',
    'debian-13.0-vte-aarch64-20260102',
    'fedora-43.0-std-x86-20260101',
    'ubuntu-2404.4-std-x86-20260310.9',
    'ubuntu-2404.4-std-x86-20260310.10',
  ]
  const change = fc.oneof(
    fc.record({
      kind: fc.constant('image' as const),
      name: fc.constantFrom(...names),
      state: fc.constantFrom('candidate' as const, 'released' as const, 'revoked' as const),
      heldBack: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('alias' as const),
      alias: fc.constantFrom('one', 'two', 'three'),
      target: fc.nat(),
    }),
    fc.record({ kind: fc.constant('catalogue' as const), role: fc.stringMatching(/^[a-z]{3,8}$/) }),
    fc.record({ kind: fc.constant('order' as const) }),
  )
  type Change = typeof change extends fc.Arbitrary<infer C> ? C : never

  async function apply(sql: Sql, one: Change): Promise<void> {
    await sql.begin(async (tx) => {
      switch (one.kind) {
        case 'image':
          await putImage(tx, one.name, { state: one.state, heldBack: one.heldBack })
          await newGeneration(tx, { images: [one.name] })
          break
        case 'alias': {
          const there = await tx<{ name: string }[]>`select name from image order by name`
          await pointAlias(tx, one.alias, there[one.target % (there.length + 1)]?.name ?? null)
          await newGeneration(tx, { aliases: [one.alias] })
          break
        }
        case 'catalogue':
          await tx`insert into role (name) values (${one.role}) on conflict do nothing`
          await newGeneration(tx, { catalogue: true })
          break
        case 'order':
          await tx`update release set position = -position where distro = 'debian'`
          await newGeneration(tx, { catalogue: true })
      }
    })
  }

  test('is what is there, after any changes in any order', async () => {
    await using database = await freshDatabase()
    const { sql } = database
    const snapshot = followWorld(sql)
    const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(steps, async (rounds) => {
        for (const round of rounds) {
          for (const one of round) await apply(sql, one)
          const followed = await snapshot()
          const read = await followWorld(sql)()
          expect(contents(followed)).toEqual(contents(read))
          const { world } = followed
          const lines = [...world.images.byDistro.values()].flatMap((group) => group.lines)
          expect(world.images).toEqual(indexImages(lines.flat().reverse(), world.catalogue))
        }
      }),
      { numRuns: 15 },
    )
    const { world } = await snapshot()
    const known = [...world.images.byDistro.values()].flatMap((group) => group.lines.flat())
    const rows = await sql<{ name: string }[]>`select name from image order by name collate "C"`
    expect(known.map(({ name }) => renderImageName(name)).sort()).toEqual(rows.map((r) => r.name))
  })
})
