import { expect, test } from '@jest/globals'
import { ListProjectionsResponse, ProjectionState } from '../../proto/gen/merge/image/v1/local.ts'
import { mrsWith } from './local.ts'

const image = 'debian-13.1-std-x86-20260615'
const { PROJECTION_STATE_LAID_OUT, PROJECTION_STATE_FAILED, PROJECTION_STATE_WAITING } =
  ProjectionState
const layTime = new Date('2026-06-15T10:22:31Z')
const answer = ListProjectionsResponse.fromPartial({
  place: '/srv/images',
  projections: [
    { key: 'bios/a-rootfs', name: image, image, state: PROJECTION_STATE_LAID_OUT, layTime },
    { key: 'bios/b-rootfs', name: 'b', image, state: PROJECTION_STATE_WAITING },
    {
      key: 'bios/c-rootfs',
      name: 'c',
      image,
      state: PROJECTION_STATE_FAILED,
      error: 'full\u001b[2J',
    },
  ],
})

/** Lists what an agent has laid out. */
async function list(said: ListProjectionsResponse, ...argv: readonly string[]) {
  const told = { listProjections: () => Promise.resolve(said) }
  const { exit, out } = await mrsWith(told, ['list', 'projections', ...argv])
  expect(exit).toBe(0)
  return out.join('\n')
}

test('what is laid out is listed, with why some is not', async () => {
  const told = await list(answer)
  expect(told).toMatch(/bios\/a-rootfs +debian-13\.1-std-x86-20260615 +laid_out +2026-06-15/)
  expect(told).toMatch(/bios\/b-rootfs .*waiting/)
  expect(told).toMatch(/bios\/c-rootfs .*failed: full/)
  expect(told).toContain('1 of 3 files laid out in /srv/images')
  expect(told).not.toContain('\u001b[2J')
})

test('that there is nothing is said', async () => {
  const nothing = ListProjectionsResponse.fromPartial({ place: 's3://images' })
  expect(await list(nothing)).toBe('No projections.\n\n0 of 0 files laid out in s3://images')
})

test('scripts get all of it', async () => {
  const { place, projections } = JSON.parse(await list(answer, '--json')) as {
    place: string
    projections: readonly unknown[]
  }
  expect(place).toBe('/srv/images')
  expect(projections[2]).toMatchObject({ key: 'bios/c-rootfs', image, state: 'failed' })
})
