import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { whatWasSaid } from '../../../services/audit/said.ts'

describe('a request, as the log keeps it,', () => {
  test('has its fields in order, and neither what is empty nor bytes nor secrets', () => {
    const request = {
      ...{ name: 'a', arch: '', days: 0, shared: false, tags: [], note: undefined },
      ...{
        data: Buffer.from('abc'),
        claim: randomUUID(),
        joinToken: 't',
        password: 'p',
        apiKey: 'k',
      },
      expire: { time: new Date(0), size: 2n ** 60n, count: 3n, parts: ['x', ''] },
      outcome: { $case: 'failed', value: { message: 'm' } },
      credentials: { user: 'u' },
    }
    expect(whatWasSaid(request)).toBe(
      '{"expire":{"count":3,"parts":["x",null],"size":"1152921504606846976","time":"1970-01-01T00:00:00.000Z"},"name":"a","outcome":{"failed":{"message":"m"}}}',
    )
  })

  test('has the claim by which a role was given, which is a word', () => {
    expect(whatWasSaid({ claim: 'groups', value: 'staff' })).toBe(
      '{"claim":"groups","value":"staff"}',
    )
  })

  test('is cut beyond 16 KiB, and says how long it was and what its hash is', () => {
    const whole = { text: '"😀\\\n'.repeat(3000) }
    const cut = whatWasSaid(whole)
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(16 * 1024)
    expect(JSON.parse(cut)).toMatchObject({
      bytes: Buffer.byteLength(JSON.stringify(whole)),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
  })

  test('is nothing where a stream of requests was to come', () => {
    expect(whatWasSaid(undefined)).toBe('')
  })
})
