import { expect, test } from '@jest/globals'
import { demandDevelopment } from '../../../lib/rpc/development.ts'
import { recorder } from '../../support/log.ts'

test('without the switch nothing starts', () => {
  expect(() => {
    demandDevelopment(false, '127.0.0.1:0', recorder().log)
  }).toThrow(expect.objectContaining({ message: expect.stringContaining('--insecure-dev') }))
})

test.each(['127.0.0.1:7410', '127.0.0.53:1', 'localhost:7410', '[::1]:7410', undefined])(
  'with it a server may listen on %s, and says so',
  (address) => {
    const { log, lines } = recorder()
    demandDevelopment(true, address, log)
    expect(lines).toMatchObject([{ msg: expect.stringContaining('INSECURE') }])
  },
)

test.each(['0.0.0.0:7410', '[::]:7410', '10.0.0.1:1', 'portal.example:7410', 'localhost.evil:1'])(
  'with it no server listens on %s',
  (address) => {
    expect(() => {
      demandDevelopment(true, address, recorder().log)
    }).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD' }))
  },
)
