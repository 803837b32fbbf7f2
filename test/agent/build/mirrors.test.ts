import { expect, test } from '@jest/globals'
import { mirrorsIn } from '../../../agent/build/mirrors.ts'

test("the machine's mirrors are those of Debian that it installs from, each once", () => {
  const targets = [
    'Debian http://near/debian/',
    'Debian http://near/debian/',
    'Debian http://near/debian-security/',
    'Others https://elsewhere/packages/',
    'Debian mirror+file:/etc/apt/mirrors/',
  ]
  expect(mirrorsIn(`${targets.join('\n')}\n`)).toEqual([
    'http://near/debian',
    'http://near/debian-security',
  ])
})
