import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { encoded, hashOf } from '../../../services/audit/chain.ts'

const event = {
  sequence: 2n,
  time: new Date('2026-06-15T10:22:31Z'),
  actor: 'producer:alice',
  role: 'producer',
  peer: '10.0.0.7:41234',
  method: '/merge.image.v1.AliasService/SetAlias',
  requestId: '6f1e6a7c-3f0e-4c6c-9a53-2f3cf9a1d6b4',
  resources: ['alias:lab1/course', 'facility:lab1', 'image:lab1/debian-13.0-std-x86-20260615'],
  outcome: 'done',
  reason: 'term "2026"\n\u0001 – ü 😀',
  request: '{"alias":"lab1/course","image":"lab1/debian-13.0-std-x86-20260615"}',
  beforeEtag: '1',
  beforeState: '',
  afterEtag: '2',
  afterState: '',
  suppressed: 0,
  prevHash: Buffer.alloc(32, 0xab),
} as const

test('an event is hashed as the documentation says it', async () => {
  const text = await readFile(new URL('../../../docs/audit.md', import.meta.url), 'utf8')
  const [, vector] = /```json\n(.+)\n```/.exec(text) ?? []
  const [, hash] = /```\n([0-9a-f]{64})\n```/.exec(text) ?? []
  const row = { ...event, resources: [...event.resources] }
  expect(encoded(row)).toBe(vector)
  expect(hashOf(row).toString('hex')).toBe(hash)
})
