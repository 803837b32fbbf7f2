import { expect, test } from '@jest/globals'
import {
  listPackages,
  nativeWords,
  parseInstalled,
  parseSimulated,
  parseTransaction,
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

const rule = '='.repeat(78)

test('what dnf would install is read: of sections with packages, with lines that go on in the next', () => {
  const text = [
    'Last metadata expiration check: 0:00:01 ago on Sat Nov 28 06:21:33 2026.',
    'Dependencies resolved.',
    rule,
    ' Package             Architecture  Version                 Repository     Size',
    rule,
    'Installing:',
    ' shadow-utils        x86_64        2:4.17.4-1.fc42         fedora        1.3 M',
    ' a-package-with-a-name-that-is-too-long-for-its-column',
    '                     noarch        1.0~beta1+git20260615.0123456789abcdef-1.fc42',
    '                                                           tiny          640  ',
    'Installing group/module packages:',
    ' bash                x86_64        5.2.37-1.fc42           fedora        1.8 M',
    'Installing dependencies:',
    ' glibc               i686          2.41-1.fc42             fedora        1.9 M',
    'Installing Groups:',
    ' Core                                                                         ',
    '',
    'Transaction Summary',
    rule,
    'Install  4 Packages',
    '',
    'Total size: 11 M',
    'Operation aborted.',
  ].join('\n')
  expect(parseTransaction(text, native)).toEqual([
    {
      name: 'a-package-with-a-name-that-is-too-long-for-its-column',
      version: '1.0~beta1+git20260615.0123456789abcdef-1.fc42',
    },
    { name: 'bash', version: '5.2.37-1.fc42' },
    { name: 'glibc:i686', version: '2.41-1.fc42' },
    { name: 'shadow-utils', version: '2:4.17.4-1.fc42' },
  ])
})

test('so is what dnf5 says', () => {
  const text = [
    'Updating and loading repositories:',
    'Repositories loaded.',
    'Package          Arch   Version         Repository      Size',
    'Installing:',
    ' nano            x86_64 0:8.3-2.fc42    fedora       3.1 MiB',
    'Installing weak dependencies:',
    ' nano-default    noarch 0:8.3-2.fc42    fedora      23.0   B',
    '',
    'Transaction Summary:',
    ' Installing:        2 packages',
    '',
    'Operation aborted by the user.',
  ].join('\n')
  expect(parseTransaction(text, native)).toEqual([
    { name: 'nano', version: '8.3-2.fc42' },
    { name: 'nano-default', version: '8.3-2.fc42' },
  ])
})

test('each builder asks its own package manager, in the tree', () => {
  expect(listPackages('mmdebstrap', '/root').argv).toContain('dpkg-query')
  expect(listPackages('dnf', '/root').argv).toContain('rpm')
})
