import { describe, expect, test } from '@jest/globals'
import { isLayout, keysOf, usualLayout } from '../../../agent/projection/layout.ts'

const name = 'debian-13.1-std-x86-20260615'

describe('the usual layout', () => {
  test('has a file for each firmware where the file boots by either', () => {
    const keys = keysOf(usualLayout, name, { kind: 'kernel', boot: 'any' }, 'raw')
    expect(keys).toEqual([`bios/${name}-kernel`, `efi/${name}-kernel`])
  })

  test('has a file for the one firmware that it is for', () => {
    const keys = keysOf(usualLayout, name, { kind: 'rootfs', boot: 'efi' }, 'raw')
    expect(keys).toEqual([`efi/${name}-rootfs`])
  })

  test('keeps the images of a facility in a folder of their own', () => {
    const keys = keysOf(usualLayout, `lab1/${name}`, { kind: 'rootfs', boot: 'bios' }, 'raw')
    expect(keys).toEqual([`bios/lab1/${name}-rootfs`])
  })
})

test.each([
  ['raw', 'rootfs', 'x/n-rootfs'],
  ['zstd', 'rootfs', 'x/n-rootfs.zst'],
  ['qcow2', 'rootfs', 'x/n-rootfs.qcow2'],
  ['qcow2', 'kernel', 'x/n-kernel'],
] as const)('as %s a %s lies at %s', (form, kind, key) => {
  const layout = 'x/{name}-{file}{suffix}'
  expect(keysOf(layout, 'n', { kind, boot: 'any' }, form)).toEqual([key])
})

test.each([
  '{name}-{file}',
  'a/b/{boot}/{name}/{file}',
  '{file}.{name}{suffix}',
  'images.d/{name}/{file}',
])('%s is a layout', (template) => {
  expect(isLayout(template)).toBe(true)
})

test.each([
  ['', 'nothing'],
  ['{boot}/{name}', 'no {file}'],
  ['{boot}/{file}', 'no {name}'],
  ['/{name}-{file}', 'from the root'],
  ['../{name}-{file}', 'out of the folder'],
  ['a/../{name}-{file}', 'back and forth'],
  ['.{name}-{file}', 'a hidden name'],
  ['{name}-{file}-{digest}', 'a field that nobody knows'],
  ['{name}//{file}', 'an empty part'],
  ['{name}-{file}/', 'a folder'],
  ['{name} {file}', 'a space'],
  ['{name}\\{file}', 'a backslash'],
])('%p is none: %s', (template) => {
  expect(isLayout(template)).toBe(false)
})
