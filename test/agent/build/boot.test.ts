import { expect, test } from '@jest/globals'
import { bootImage, planBoot } from '../../../agent/build/boot.ts'

const start = { by: 'kernel', kernel: '/builds/vmlinuz', initramfs: '/builds/initrd' } as const
const wish = {
  arch: 'x86',
  rootfs: '/builds/a,b/rootfs.raw',
  format: 'raw',
  start,
  temporary: '/builds/tmp',
} as const

test('an image is booted with its own kernel, and nothing that it writes reaches it', () => {
  const { argv, environment } = bootImage(wish, 'tcg')
  expect(argv).toEqual([
    ...['qemu-system-x86_64', '-machine', 'q35,usb=off,vmport=off,smbus=off,sata=off'],
    ...['-cpu', 'max,svm=off,la57=off'],
    ...['-nodefaults', '-vga', 'none', '-accel', 'tcg', '-m', '1024', '-smp', '2'],
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nic', 'none'],
    ...['-snapshot', '-drive', 'file=/builds/a,,b/rootfs.raw,format=raw,if=virtio'],
    ...['-kernel', '/builds/vmlinuz', '-initrd', '/builds/initrd'],
    ...['-append', 'root=/dev/vda rw console=ttyS0 loglevel=4'],
  ])
  expect(environment).toEqual({ TMPDIR: '/builds/tmp' })
})

test('a disk is booted by its own boot loader, on a machine with all that boot loaders know', () => {
  const { argv } = bootImage({ ...wish, format: 'qcow2', start: { by: 'bios' } }, 'kvm')
  expect(argv.slice(-2)).toEqual(['-drive', 'file=/builds/a,,b/rootfs.raw,format=qcow2,if=virtio'])
  expect(argv).not.toContain('-nodefaults')
  expect(argv).toContain('max,svm=off,la57=off')
})

test('a disk that is to start by EFI is given to its firmware', () => {
  const { argv } = bootImage({ ...wish, start: { by: 'efi', firmware: '/fw/OVMF.fd' } }, 'tcg')
  expect(argv.slice(-2)).toEqual(['-bios', '/fw/OVMF.fd'])
})

test('a machine of another kind has the console that is its own', () => {
  expect(bootImage({ ...wish, arch: 'aarch64' }, 'tcg').argv).toContain(
    'root=/dev/vda rw console=ttyAMA0 loglevel=4',
  )
})

const { kernel, initramfs } = start
const image = { arch: 'x86', isFilesystem: true, kernel, initramfs } as const
const disk = { ...image, isFilesystem: false, kernel: undefined, initramfs: undefined }
const machine = { arch: 'x86', hasEmulator: true, efi: '/fw/OVMF.fd' } as const

test.each([
  ['for another processor', { ...image, arch: 'riscv64' as const }, machine, 'riscv64'],
  ['where nothing boots it', image, { ...machine, hasEmulator: false }, 'not installed'],
  ['without a kernel', { ...image, kernel: undefined }, machine, 'no kernel'],
])('an image %s is not booted, and why is said', (_what, image, on, why) => {
  const { starts, untried } = planBoot(image, ['bios', 'efi'], on)
  expect(starts).toEqual([])
  expect(untried).toEqual([expect.stringContaining(why)])
})

test('an image with a kernel is started by that, whatever the firmware', () => {
  expect(planBoot(image, ['bios', 'efi'], machine)).toEqual({ starts: [start], untried: [] })
})

test('a disk is started by each firmware that it is for', () => {
  const efi = { by: 'efi', firmware: '/fw/OVMF.fd' }
  expect(planBoot(disk, ['bios', 'efi'], machine).starts).toEqual([{ by: 'bios' }, efi])
  expect(planBoot(disk, ['efi'], machine).starts).toEqual([efi])
})

test.each([
  ['x86', 'efi', 'ovmf is not installed'],
  ['aarch64', 'efi', 'qemu-efi-aarch64 is not installed'],
  ['riscv64', 'efi', 'not checked on riscv64'],
  ['aarch64', 'bios', 'there is none on aarch64'],
] as const)('what a builder for %s lacks for %s is said', (arch, firmware, why) => {
  const on = { ...machine, arch, efi: undefined }
  const { starts, untried } = planBoot({ ...disk, arch }, [firmware], on)
  expect(starts).toEqual([])
  expect(untried).toEqual([expect.stringContaining(why)])
})
