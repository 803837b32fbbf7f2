import type { Arch } from '../../lib/names/catalogue.ts'
import type { Firmware } from '../../lib/recipes/recipe.ts'
import { efiPackageOf, emulatorOf, type Machine } from './machine.ts'
import type { Command } from './plan.ts'

/** What starts an image: a kernel is started directly; else firmware starts the boot loader on the disk. */
export type Start =
  | { readonly by: 'kernel'; readonly kernel: string; readonly initramfs: string | undefined }
  | { readonly by: 'bios' }
  | { readonly by: 'efi'; readonly firmware: string }

/** What is booted. */
export interface BootWish {
  readonly arch: Arch
  readonly rootfs: string
  readonly format: 'raw' | 'qcow2'
  readonly start: Start
  readonly temporary: string
}

export type Acceleration = 'kvm' | 'tcg'

/**
 * A processor with all that there is, for distros build for newer ones (x86-64-v3); but for what costs an emulated one most and no
 * image needs: guests of the guest, whose drivers would be loaded, and a fifth level of page tables.
 */
const x86 = ['-cpu', 'max,svm=off,la57=off']

/** A machine with little around the processor, for each device costs the guest a driver: none, and none that is built in. */
const bare = ['-nodefaults', '-vga', 'none']

const machines: Readonly<
  Record<Arch, { readonly lean: readonly string[]; readonly whole: readonly string[] }>
> = {
  x86: {
    lean: ['-machine', 'q35,usb=off,vmport=off,smbus=off,sata=off', ...x86, ...bare],
    whole: x86,
  },
  aarch64: {
    lean: ['-machine', 'virt', '-cpu', 'max', ...bare],
    whole: ['-machine', 'virt', '-cpu', 'max'],
  },
  riscv64: { lean: ['-machine', 'virt', ...bare], whole: ['-machine', 'virt'] },
}

const consoles: Readonly<Record<Arch, string>> = {
  x86: 'ttyS0',
  aarch64: 'ttyAMA0',
  riscv64: 'ttyS0',
}

/**
 * Boots an image with its serial line as output. What the guest writes goes to a file that nobody keeps, so the image stays as
 * it is; and nothing is put into it: its own console says when it is up. A guest may start again, as one does that labels its
 * files first.
 */
export function bootImage(wish: BootWish, acceleration: Acceleration): Command {
  const { arch, rootfs, format, start, temporary } = wish
  const { lean, whole } = machines[arch]
  return {
    kind: 'run',
    title: `booting the image by ${start.by} (${acceleration})`,
    argv: [
      ...[emulatorOf(arch), ...(start.by === 'kernel' ? lean : whole)],
      ...['-accel', acceleration, '-m', '1024', '-smp', '2'],
      ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nic', 'none'],
      ...['-snapshot', '-drive', `file=${rootfs.replaceAll(',', ',,')},format=${format},if=virtio`],
      ...startedBy(start, arch),
    ],
    environment: { TMPDIR: temporary },
    blame: 'OUTPUT',
  }
}

function startedBy(start: Start, arch: Arch): readonly string[] {
  switch (start.by) {
    case 'kernel': {
      const { kernel, initramfs } = start
      // The kernel's own messages are cut down to errors, for a serial line is slow; what starts is still told.
      const line = `root=/dev/vda rw console=${consoles[arch]} loglevel=4`
      const initrd = initramfs === undefined ? [] : ['-initrd', initramfs]
      return ['-kernel', kernel, ...initrd, '-append', line]
    }
    case 'bios':
      return []
    case 'efi':
      return ['-bios', start.firmware]
  }
}

/** What starts an image here, each of which is to bring it up; and what cannot be tried, and why. */
export interface BootPlan {
  readonly starts: readonly Start[]
  readonly untried: readonly string[]
}

interface Bootable {
  readonly arch: Arch
  readonly isFilesystem: boolean
  readonly kernel: string | undefined
  readonly initramfs: string | undefined
}

/** Plans how an image is booted that is to start by this firmware. */
export function planBoot(
  { arch, kernel, initramfs, isFilesystem }: Bootable,
  firmware: readonly Firmware[],
  machine: Pick<Machine, 'arch' | 'hasEmulator' | 'efi'>,
): BootPlan {
  const not = (why: string): BootPlan => ({ starts: [], untried: [why] })
  if (arch !== machine.arch) return not(`the builder is ${machine.arch}, and the image ${arch}`)
  if (!machine.hasEmulator) return not(`${emulatorOf(arch)} is not installed on the builder`)
  if (kernel !== undefined) return { starts: [{ by: 'kernel', kernel, initramfs }], untried: [] }
  if (isFilesystem)
    return not('the image has no kernel, and is a file system without a boot loader')
  const each = firmware.map((one) => (one === 'efi' ? byEfi(machine) : byBios(arch)))
  return {
    starts: each.filter((one) => typeof one !== 'string'),
    untried: each.filter((one) => typeof one === 'string'),
  }
}

function byBios(arch: Arch): Start | string {
  return arch === 'x86' ? { by: 'bios' } : `bios: there is none on ${arch}`
}

function byEfi({ arch, efi }: Pick<Machine, 'arch' | 'efi'>): Start | string {
  if (efi !== undefined) return { by: 'efi', firmware: efi }
  const home = efiPackageOf(arch)
  return home === undefined
    ? `efi: it is not checked on ${arch}`
    : `efi: ${home} is not installed on the builder`
}
