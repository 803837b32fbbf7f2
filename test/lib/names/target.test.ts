import { describe, expect, test } from '@jest/globals'
import { parseTarget } from '../../../lib/names/target.ts'
import { catalogue, failureOf } from './world.ts'

const debian = { namespace: '', distro: 'debian', release: '13', role: 'std', arch: 'x86' }

describe('what is published', () => {
  test.each([
    ['debian-13', { line: debian, point: 0 }],
    ['trixie', { line: debian, point: 0 }],
    ['Debian:13:amd64', { line: debian, point: 0 }],
    ['debian-13.1-20260615', { line: debian, point: 1, day: '20260615' }],
    [
      'ubuntu-24.04.4-hypervisor-arm64',
      {
        line: { ...debian, distro: 'ubuntu', release: '2404', role: 'hypervisor', arch: 'aarch64' },
        point: 4,
      },
    ],
    [
      'lab1/debian-13.1-mytools-x86-20260615',
      { line: { ...debian, namespace: 'lab1', role: 'mytools' }, point: 1, day: '20260615' },
    ],
  ])('under %s has every field but the build', (text, target) => {
    expect(parseTarget(text, catalogue)).toEqual(target)
  })

  test.each([
    ['', 'EMPTY'],
    ['debian', 'INVALID_NAME'],
    ['debian-130', 'INVALID_NAME'],
    ['debian-13-02042025', 'INVALID_NAME'],
    ['debian-13-202606', 'INVALID_NAME'],
    ['debian-13.1-std-x86-20260615.2', 'INVALID_NAME'],
    ['>= debian-13', 'INVALID_NAME'],
    ['debian-13@sha256:00', 'INVALID_NAME'],
    ['lab1/', 'INVALID_NAME'],
    ['x'.repeat(129), 'INVALID_NAME'],
    ['debian-13-20260231', 'INVALID_DATE'],
    ['slackware-15', 'UNKNOWN_DISTRO'],
    ['debian-99', 'UNKNOWN_RELEASE'],
    ['debian-13-mytools', 'UNKNOWN_TOKEN'],
    ['lab1/debian-13-my_tools', 'UNKNOWN_TOKEN'],
    ['lab1/debian-13-mytools-others', 'DUPLICATE_FIELD'],
  ] as const)('is refused under %j with %s', (text, reason) => {
    expect(failureOf(() => parseTarget(text, catalogue)).reason).toBe(reason)
  })
})
