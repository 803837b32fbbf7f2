import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { hashOfSecret, parseToken, renderToken } from '../../../lib/identity/token.ts'

test('a token is read as it was written', () => {
  for (const kind of ['join', 'robot'] as const) {
    const token = { kind, secret: randomBytes(32), pin: randomBytes(32) }
    expect(parseToken(renderToken(token))).toEqual(token)
  }
})

test('what is no token is none, whatever it is', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseToken(text)).toBeUndefined()
    }),
  )
  const good = renderToken({ kind: 'join', secret: randomBytes(32), pin: randomBytes(32) })
  for (const text of [
    `${good} `,
    ` ${good}`,
    `${good}\n`,
    good.slice(1),
    good.replace('mij', 'mix'),
  ]) {
    expect(parseToken(text)).toBeUndefined()
  }
})

test('a secret is not seen from its hash', () => {
  const secret = Buffer.alloc(32, 7)
  expect(hashOfSecret(secret).equals(secret)).toBe(false)
  expect(hashOfSecret(secret)).toHaveLength(32)
})
