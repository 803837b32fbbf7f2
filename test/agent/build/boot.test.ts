import { expect, test } from '@jest/globals'
import { bootImage, whyNotBooted } from '../../../agent/build/boot.ts'

const wish = {
  arch: 'x86',
  rootfs: '/builds/a,b/rootfs.raw',
  format: 'raw',
  kernel: '/builds/vmlinuz',
  initramfs: '/builds/initrd',
  temporary: '/builds/tmp',
} as const

test('an image is booted with its own kernel, and nothing that it writes reaches it', () => {
  const { argv, environment } = bootImage(wish, 'tcg')
  expect(argv).toEqual([
    ...['qemu-system-x86_64', '-accel', 'tcg', '-m', '1024', '-smp', '2'],
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nic', 'none'],
    ...['-snapshot', '-drive', 'file=/builds/a,,b/rootfs.raw,format=raw,if=virtio'],
    ...['-kernel', '/builds/vmlinuz', '-initrd', '/builds/initrd'],
    ...['-append', 'root=/dev/vda rw console=ttyS0'],
  ])
  expect(environment).toEqual({ TMPDIR: '/builds/tmp' })
})

test('a disk without a kernel beside it is booted by its own boot loader', () => {
  const { argv } = bootImage({ ...wish, kernel: undefined, format: 'qcow2' }, 'kvm')
  expect(argv.slice(-2)).toEqual(['-drive', 'file=/builds/a,,b/rootfs.raw,format=qcow2,if=virtio'])
})

test('a machine of another kind has the console that is its own', () => {
  expect(bootImage({ ...wish, arch: 'aarch64' }, 'tcg').argv).toContain(
    'root=/dev/vda rw console=ttyAMA0',
  )
})

const machine = { arch: 'x86', hasEmulator: true } as const

test.each([
  ['for another processor', { ...wish, arch: 'riscv64' as const }, machine, true, 'riscv64'],
  ['where nothing boots it', wish, { ...machine, hasEmulator: false }, true, 'not installed'],
  ['without a kernel', { ...wish, kernel: undefined }, machine, true, 'no kernel'],
])('an image %s is not booted, and why is said', (_what, image, on, isFilesystem, why) => {
  expect(whyNotBooted(image, ['bios', 'efi'], on, isFilesystem)).toContain(why)
})

test('everything else is booted', () => {
  expect(whyNotBooted(wish, ['efi'], machine, true)).toBeUndefined()
  expect(whyNotBooted({ ...wish, kernel: undefined }, ['bios'], machine, false)).toBeUndefined()
})
