import { describe, expect, test } from '@jest/globals'
import { checkAddress, parseAllowed } from '../../../agent/import/address.ts'

const check = (address: string, allowed: readonly string[] = [], protocol = 'https:'): void => {
  checkAddress({ protocol, host: 'images.example' }, address, parseAllowed(allowed))
}

describe('inside', () => {
  test.each([
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '100.127.255.254', '127.0.0.1'],
    ...['127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.1'],
    ...['192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:10.1.2.3', '::ffff:0:127.0.0.1'],
    ...['64:ff9b::7f00:1', '64:ff9b:1::a00:1', '100::1', '2001::1', '2001:2::1', '2001:10::1'],
    ...['2001:db8::1', '2002:7f00:1::', '2002:a00:1::1', '3fff::1', '5f00::1', 'fc00::1'],
    ...['fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '4000::1'],
    'no address',
  ])('is %s', (address) => {
    expect(() => {
      check(address)
    }).toThrow(expect.objectContaining({ reason: 'ADDRESS_REFUSED', kind: 'denied' }))
  })
})

test.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
  '%s is outside',
  (address) => {
    check(address)
  },
)

test('what the owner of the agent allowed may be asked, without TLS too, and nothing beside it', () => {
  const allowed = ['10.1.0.0/16', 'fd00:1::/32', '192.168.7.7']
  for (const address of ['10.1.255.255', 'fd00:1::5', '192.168.7.7', '::ffff:10.1.0.1']) {
    check(address, allowed)
    check(address, allowed, 'http:')
  }
  for (const address of ['10.2.0.0', 'fd00:2::1', '192.168.7.8', '::ffff:10.2.0.1']) {
    expect(() => {
      check(address, allowed)
    }).toThrow(/--import-inside/)
  }
})

test('outside, TLS is a must', () => {
  expect(() => {
    check('1.1.1.1', [], 'http:')
  }).toThrow(/without TLS: give its address with https:\/\//)
})

test.each(['10.0.0.0/33', '10.0.0/8', 'localhost', '', '10.0.0.1/-1', '::1/129'])(
  '"%s" is no range',
  (range) => {
    expect(() => parseAllowed([range])).toThrow(
      expect.objectContaining({ reason: 'INVALID_FIELD' }),
    )
  },
)
