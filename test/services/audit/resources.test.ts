import { expect, test } from '@jest/globals'
import type { Caller } from '../../../lib/rpc/caller.ts'
import { keptResources, resourcesOf } from '../../../services/audit/resources.ts'

const admin: Caller = { name: 'admin', role: { kind: 'admin' } }
const lab1: Caller = { name: 'agent:lab1', role: { kind: 'agent', facility: 'lab1' } }

const kept = (method: string, caller: Caller, request: unknown, answer?: unknown) =>
  keptResources(resourcesOf(`/merge.image.v1.X/${method}`, caller, request, answer))

test.each([
  ['the noun of its method', 'ReleaseImage', { name: 'a' }, {}, ['image:a']],
  [
    'the fields of its request',
    'PushImage',
    { image: 'a', facility: 'lab2' },
    {},
    ['facility:lab2', 'image:a'],
  ],
  [
    'lists',
    'CreateHolds',
    { images: ['a', 'b'] },
    { holds: [{ id: 'h', image: 'a' }] },
    ['hold:h', 'image:a', 'image:b'],
  ],
  ['one field of several', 'ReleaseHolds', { what: { $case: 'hold', value: 'h' } }, {}, ['hold:h']],
  [
    'its answer',
    'RunBuild',
    { recipe: 'r' },
    { build: { name: 'b', image: 'a', state: 1 } },
    ['build:b', 'image:a', 'recipe:r'],
  ],
  [
    'a serial number',
    'Enroll',
    {},
    { facility: 'lab2', serial: '0a' },
    ['certificate:0a', 'facility:lab2'],
  ],
  [
    'what was revoked',
    'RevokeCertificate',
    { facility: 'lab2' },
    { certificates: [{ serial: '0a', name: 'agent:lab2' }] },
    ['certificate:0a', 'facility:lab2'],
  ],
  ['messages', 'PutDistro', { distro: { name: 'debian', releases: [] } }, {}, ['distro:debian']],
  [
    'namespaces',
    'SetAlias',
    { alias: 'lab2/x', image: 'lab2/a' },
    {},
    ['alias:lab2/x', 'facility:lab2', 'image:lab2/a'],
  ],
  ['nothing that is empty', 'SetAlias', { alias: '', image: 'x'.repeat(300) }, {}, []],
] as const)('a call is about what it names: %s', (_, method, request, answer, expected) => {
  expect(kept(method, admin, request, answer)).toEqual(expected)
})

test('and about the facility of its caller', () => {
  expect(kept('GetImage', lab1, { name: 'a' })).toEqual(['facility:lab1', 'image:a'])
})

test('but about no more than the log has room for', () => {
  const images = Array.from({ length: 1000 }, (_, i) => `image${i}`)
  expect(kept('CreateHolds', admin, { images })).toHaveLength(64)
})
