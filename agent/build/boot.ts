import type { Arch } from '../../lib/names/catalogue.ts'
import type { Firmware } from '../../lib/recipes/recipe.ts'
import { emulatorOf } from './machine.ts'
import type { Command } from './plan.ts'

/** What is booted. */
export interface BootWish {
  readonly arch: Arch
  readonly rootfs: string
  readonly format: 'raw' | 'qcow2'
  /** Started directly if given; else the disk's own boot loader is. */
  readonly kernel: string | undefined
  readonly initramfs: string | undefined
  readonly temporary: string
}

export type Acceleration = 'kvm' | 'tcg'

const machines: Readonly<
  Record<Arch, { readonly options: readonly string[]; readonly console: string }>
> = {
  x86: { options: [], console: 'ttyS0' },
  aarch64: { options: ['-machine', 'virt', '-cpu', 'max'], console: 'ttyAMA0' },
  riscv64: { options: ['-machine', 'virt'], console: 'ttyS0' },
}

/**
 * Boots an image with its serial line as output. What the guest writes goes to a file that nobody keeps, so the image stays as
 * it is; and nothing is put into it: its own console says when it is up. A guest may start again, as one does that labels its
 * files first.
 */
export function bootImage(wish: BootWish, acceleration: Acceleration): Command {
  const { arch, rootfs, format, kernel, initramfs, temporary } = wish
  const { options, console } = machines[arch]
  const direct =
    kernel === undefined
      ? []
      : [
          ...['-kernel', kernel],
          ...(initramfs === undefined ? [] : ['-initrd', initramfs]),
          ...['-append', `root=/dev/vda rw console=${console}`],
        ]
  return {
    kind: 'run',
    title: `booting the image (${acceleration})`,
    argv: [
      ...[emulatorOf(arch), ...options, '-accel', acceleration, '-m', '1024', '-smp', '2'],
      ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nic', 'none'],
      ...['-snapshot', '-drive', `file=${rootfs.replaceAll(',', ',,')},format=${format},if=virtio`],
      ...direct,
    ],
    environment: { TMPDIR: temporary },
    blame: 'OUTPUT',
  }
}

/** What a boot needs, and lacks; undefined where it can be tried. */
export function whyNotBooted(
  wish: Pick<BootWish, 'arch' | 'kernel'>,
  firmware: readonly Firmware[],
  machine: { readonly arch: Arch; readonly hasEmulator: boolean },
  isFilesystem: boolean,
): string | undefined {
  if (wish.arch !== machine.arch)
    return `the builder is ${machine.arch}, and the image ${wish.arch}`
  if (!machine.hasEmulator) return `${emulatorOf(machine.arch)} is not installed on the builder`
  if (wish.kernel !== undefined) return undefined
  if (isFilesystem) return 'the image has no kernel, and is a file system without a boot loader'
  if (!firmware.includes('bios')) return 'booting a disk by efi is not checked yet'
  return undefined
}
