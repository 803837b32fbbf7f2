import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { epochOf, renderIdentity } from '../../../agent/build/identity.ts'
import { sha256 } from '../../../lib/content/digest.ts'

const digest = sha256(Buffer.from('x'))
const time = new Date('2026-06-15T12:00:00Z')

test('a shell can read who an image is', () => {
  const text = renderIdentity({
    ...{ image: 'debian-13.0-std-x86-20260615', recipe: 'debian-13', recipeVersion: 3 },
    ...{ recipeDigest: `sha256:${digest}`, build: '01J', builder: 'agent:portal (some-worker-1)' },
    ...{ startTime: time, treeTime: time, inputs: undefined, log: digest, parent: '' },
    packages: '/usr/share/list',
  })
  const said = execFileSync('sh', ['-c', `${text}echo "$IMAGE by $BUILDER, $RECIPE_VERSION"`])
  expect(said.toString()).toBe('debian-13.0-std-x86-20260615 by agent:portal (some-worker-1), 3\n')
  expect(text).not.toContain('PARENT')
  expect(text).toContain('PACKAGES=/usr/share/list\n')
})

test('the time of an image is the day in its name', () => {
  const day = Date.parse('2026-06-15T00:00:00Z') / 1000
  expect(epochOf('debian-13.0-std-x86-20260615', time)).toBe(day)
  expect(epochOf('debian-13.0-std-x86-20260615.2', time)).toBe(day)
  expect(epochOf('', time)).toBe(time.getTime() / 1000)
})
