import { expect, test } from '@jest/globals'
import { EvictResponse, type EvictRequest } from '../../proto/gen/merge/image/v1/local.ts'
import { mrsWith } from './local.ts'

const useTime = new Date('2026-06-15T10:22:31Z')
const done = EvictResponse.fromPartial({
  freedBytes: 1500n,
  items: [
    { image: 'a', goes: true, message: 'used longest ago, 2026-06-15', freedBytes: 1500n, useTime },
    { image: 'b', goes: false, message: 'it is wanted here' },
  ],
})

/** Runs the tool against an agent that answers as told. */
async function mrs(...argv: readonly string[]) {
  const asked: EvictRequest[] = []
  const told = {
    drop: ({ reference }: { reference: string }) => Promise.resolve({ image: `${reference}-x86` }),
    evict: (request: EvictRequest) => {
      asked.push(request)
      return Promise.resolve(done)
    },
  }
  const { exit, out, err } = await mrsWith(told, argv)
  return { exit, out: out.join('\n'), err: err.join('\n'), asked }
}

test('evict says what goes, what comes free, and why the others stay', async () => {
  const { exit, out, asked } = await mrs('evict', '--dry-run')
  expect(exit).toBe(0)
  expect(asked).toEqual([{ references: [], validateOnly: true }])
  expect(out).toMatch(
    /a +go +1\.5 kB +2026-06-15 10:22:31 UTC +used longest ago, 2026-06-15\nb +stay +- +- +it is wanted here/,
  )
  expect(out).toContain('1 image would go: 1.5 kB of chunks')
})

test('evict of images that are named exits with 1 if one of them stays', async () => {
  const { exit, out, asked } = await mrs('evict', 'a', 'b', '--json')
  expect(exit).toBe(1)
  expect(asked).toEqual([{ references: ['a', 'b'], validateOnly: false }])
  expect(JSON.parse(out)).toMatchObject({
    ...{ freedBytes: 1500, dryRun: false },
    items: [{ image: 'a', goes: true }, { goes: false }],
  })
})

test('drop says which image is not wanted any more', async () => {
  const { exit, out } = await mrs('drop', 'debian-13')
  expect(exit).toBe(0)
  expect(out).toBe('debian-13-x86 is not wanted here any more.')
})

test.each([
  ['drop', /needs REF|IMAGE|REF/],
  ['drop a b', /b/],
  ['evict --dry', /--dry/],
])('%s is refused, and says why', async (line, why) => {
  const { exit, err } = await mrs(...line.split(' '))
  expect(exit).toBe(2)
  expect(err).toMatch(why)
})
