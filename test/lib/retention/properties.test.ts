import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { renderLine } from '../../../lib/names/name.ts'
import { fits } from '../../../lib/names/pattern.ts'
import { planRetention } from '../../../lib/retention/plan.ts'
import { freedBy, takenBy } from '../../../lib/retention/sharing.ts'
import { anyWorld, carriedOut, neverGoes, now } from './worlds.ts'

/** Over all properties: 100,000 worlds. */
const runs = { numRuns: 20_000 }

describe('in any world, a plan', () => {
  test('removes nothing that is needed', () => {
    fc.assert(
      fc.property(anyWorld, ({ world, policies }) => {
        const never = neverGoes(world)
        for (const { image, action, policy, needs } of planRetention(world, policies)) {
          if (action === 'keep' || !never.has(image.name)) continue
          // What is only held may lie in the archive, where the policy says so.
          const isOnlyHeld = needs.every(({ kind }) => kind === 'hold')
          expect([action, policy?.archiveHeld, isOnlyHeld]).toEqual(['archive', true, true])
        }
      }),
      runs,
    )
  })

  test('carried out, leaves nothing more to be done', () => {
    fc.assert(
      fc.property(anyWorld, ({ world, policies }) => {
        const after = carriedOut(world, planRetention(world, policies))
        const again = planRetention(after, policies).filter(({ action }) => action !== 'keep')
        expect(again).toEqual([])
      }),
      runs,
    )
  })

  test('judges each image once, whatever order they come in', () => {
    fc.assert(
      fc.property(anyWorld, fc.infiniteStream(fc.nat()), ({ world, policies }, chance) => {
        const plan = planRetention(world, policies)
        const there = world.images.filter(({ storage }) => storage !== 'expired')
        expect(plan.map(({ image }) => image.name)).toEqual(there.map(({ name }) => name).sort())
        const shuffled = world.images
          .map((image) => ({ image, at: Number(chance.next().value) }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ image }) => image)
        const said = (from: typeof plan) =>
          from.map(({ image, action, rule, due }) => [image.name, action, rule, due])
        expect(said(planRetention({ ...world, images: shuffled }, policies))).toEqual(said(plan))
      }),
      runs,
    )
  })

  test('frees the bytes that it foretells, with any chunks shared', () => {
    const anyChunks = fc.infiniteStream(fc.uniqueArray(fc.nat(12), { maxLength: 6 }))
    fc.assert(
      fc.property(anyWorld, anyChunks, ({ world, policies }, draw) => {
        const chunksOf = new Map(
          world.images.map(({ name }) => {
            const drawn = draw.next().value as readonly number[]
            return [name, new Map(drawn.map((id) => [String(id), 10 + id]))]
          }),
        )
        const plan = planRetention(world, policies)
        const at = (of: typeof world) =>
          of.images.filter(({ storage }) => storage === 'present').map(({ name }) => name)
        const before = new Map(at(world).map((name) => [name, chunksOf.get(name) ?? new Map()]))
        const going = plan
          .filter(({ image, action }) => action !== 'keep' && image.storage === 'present')
          .map(({ image }) => image.name)
        const left = at(carriedOut(world, plan)).map((name) => chunksOf.get(name) ?? new Map())
        const freed = takenBy(before.values()) - takenBy(left)
        expect(freedBy(before, new Set(going)).bytes).toBe(freed)
      }),
      runs,
    )
  })

  test('brings the own images of a facility under their cap, or leaves only what must stay', () => {
    fc.assert(
      fc.property(anyWorld, ({ world, policies }) => {
        const plan = planRetention(world, policies)
        for (const policy of policies.filter(({ capBytes }) => capBytes > 0)) {
          const judged = plan.filter(
            (one) => one.policy === policy && one.image.expires !== undefined,
          )
          const homes = Map.groupBy(judged, ({ image }) => image.parsed.namespace)
          for (const own of homes.values()) {
            const staying = own.filter(({ action }) => action === 'keep')
            const bytes = staying.reduce((sum, { image }) => sum + image.storedBytes, 0)
            const young = (published: Date) =>
              now.getTime() - published.getTime() < policy.minimumAgeDays * 86_400_000
            const may = staying.filter(
              ({ needs, image }) => needs.length === 0 && !young(image.published),
            )
            expect(bytes <= policy.capBytes || may.length === 0).toBe(true)
          }
        }
        for (const { policy, image } of plan) {
          const fitting = policies.filter(({ pattern }) => fits(pattern, image.parsed))
          expect([renderLine(image.parsed), fitting.length > 0]).toEqual([
            renderLine(image.parsed),
            policy !== undefined,
          ])
        }
      }),
      runs,
    )
  })
})
