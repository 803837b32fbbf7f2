import { expect, test } from '@jest/globals'
import {
  listPackages,
  nativeWords,
  parseInstalled,
  parseSimulated,
} from '../../../agent/build/packages.ts'

const native = nativeWords('x86')

test('what dpkg lists is read: packages of other architectures say so, what is only configured is none', () => {
  const text = [
    'libc6\tamd64\t2.41-12\tinstalled',
    'libc6\ti386\t2.41-12\tinstalled',
    'base-files\tall\t13.8\tinstalled',
    'gone\tamd64\t1.0\tconfig-files',
    '',
  ].join('\n')
  expect(parseInstalled(text, native)).toEqual([
    { name: 'base-files', version: '13.8' },
    { name: 'libc6', version: '2.41-12' },
    { name: 'libc6:i386', version: '2.41-12' },
  ])
})

test('what rpm lists is read: kernels have all their versions, keys are none', () => {
  const text = [
    'kernel\tx86_64\t0:6.12-1\tinstalled',
    'kernel\tx86_64\t0:6.11-1\tinstalled',
    'shadow-utils\tx86_64\t2:4.15-1\tinstalled',
    'gpg-pubkey\t(none)\t0:1-2\tinstalled',
  ].join('\n')
  expect(parseInstalled(text, native)).toEqual([
    { name: 'kernel', version: '6.11-1,6.12-1' },
    { name: 'shadow-utils', version: '2:4.15-1' },
  ])
})

test('what apt would install is read, in every form that it says it in', () => {
  const text = [
    'Inst gcc-12-base (12.2.0-14+deb12u1 Debian:12.15/oldstable [amd64])',
    'Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64]) []',
    'Inst tzdata [2024a-1] (2026a-0 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [all])',
    'Inst libz1:i386 (1.2.13 Debian:12.15/oldstable [i386])',
    'Conf libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])',
  ].join('\n')
  expect(parseSimulated(text, native)).toEqual([
    { name: 'gcc-12-base', version: '12.2.0-14+deb12u1' },
    { name: 'libc6', version: '2.36-9+deb12u14' },
    { name: 'libz1:i386', version: '1.2.13' },
    { name: 'tzdata', version: '2026a-0' },
  ])
})

test('each builder asks its own package manager, in the tree', () => {
  expect(listPackages('mmdebstrap', '/root').argv).toContain('dpkg-query')
  expect(listPackages('dnf', '/root').argv).toContain('rpm')
})
