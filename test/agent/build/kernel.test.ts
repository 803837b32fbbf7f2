import { expect, test } from '@jest/globals'
import { newestKernel } from '../../../agent/build/kernel.ts'

test('the newest kernel counts, by its version and not by its letters, with its own initramfs', () => {
  const names = ['vmlinuz-6.9.1-amd64', 'vmlinuz-6.12.1-amd64', 'initrd.img-6.12.1-amd64', 'grub']
  expect(newestKernel(names)).toEqual({
    kernel: 'vmlinuz-6.12.1-amd64',
    initramfs: 'initrd.img-6.12.1-amd64',
  })
})

test("Fedora's files are found, and its rescue kernel is not the newest", () => {
  const names = ['vmlinuz-0-rescue-ff', 'vmlinuz-6.12.fc43', 'initramfs-6.12.fc43.img']
  expect(newestKernel(names)).toEqual({
    kernel: 'vmlinuz-6.12.fc43',
    initramfs: 'initramfs-6.12.fc43.img',
  })
})

test('a kernel may start without an initramfs, and a tree without a kernel has none', () => {
  expect(newestKernel(['vmlinuz-6.1'])).toEqual({ kernel: 'vmlinuz-6.1', initramfs: undefined })
  expect(newestKernel(['config-6.1'])).toBeUndefined()
})
