import type { Acceleration } from './boot.ts'
import { emulatorOf } from './machine.ts'
import type { Command } from './plan.ts'

export const sectorWords = 'the processor runs'

const program = [
  ...[0x31, 0xc0, 0x8e, 0xd8, 0xfc], // xor ax, ax; mov ds, ax; cld
  ...[0xbe, 0x16, 0x7c], // mov si, words
  ...[0xba, 0xf8, 0x03], // mov dx, the first serial line
  ...[0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8], // next: lodsb; test al, al; jz done; out dx, al; jmp next
  ...[0xf4, 0xeb, 0xfd], // done: hlt; jmp done
]
const bytes = 512

/** A boot sector that says a few words on the serial line: the smallest guest that shows whether guests run. */
export function sector(): Buffer {
  const whole = Buffer.alloc(bytes)
  whole.set(program)
  whole.write(`${sectorWords}\n`, program.length)
  whole.writeUInt16LE(0xaa55, bytes - 2)
  return whole
}

/** Starts it, on an x86. */
export function startSector(path: string, acceleration: Acceleration): Command {
  return {
    kind: 'run',
    title: `booting a boot sector (${acceleration})`,
    argv: [
      ...[emulatorOf('x86'), '-accel', acceleration, '-m', '64', '-nodefaults', '-vga', 'none'],
      ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio'],
      ...['-drive', `file=${path.replaceAll(',', ',,')},format=raw,if=ide`],
    ],
    blame: 'OUTPUT',
  }
}
