import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'

const program = [
  ...[0xfc, 0x48, 0x8d, 0x35, 0x0f, 0x00, 0x00, 0x00], // cld; lea rsi, [words]
  ...[0x66, 0xba, 0xf8, 0x03], // mov dx, the first serial line
  ...[0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8], // next: lodsb; test al, al; jz done; out dx, al; jmp next
  ...[0xf4, 0xeb, 0xfd], // done: hlt; jmp done
]

/** A program for the EFI of an x86 that says a few words on the serial line. */
function efiProgram(words: string): Buffer {
  const whole = Buffer.alloc(1024)
  const [pe, section, code] = [0x40, 0x148, 0x200]
  whole.write('MZ')
  whole.writeUInt32LE(pe, 0x3c)
  whole.write('PE', pe)
  const header = [0x8664, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x226]
  header.forEach((value, i) => whole.writeUInt16LE(value, pe + 4 + i * 2))
  const optional = pe + 24
  whole.writeUInt16LE(0x20b, optional)
  const words32 = [
    ...[4, 0x200], // the size of the code
    ...[16, 0x1000], // where it begins
    ...[20, 0x1000], // where its page is
    ...[32, 0x1000], // sections in memory
    ...[36, 0x200], // and in the file
    ...[56, 0x2000], // all in memory
    ...[60, 0x200], // headers
    ...[68, 10], // an application
    ...[108, 16], // tables, all of them empty
  ]
  for (let i = 0; i < words32.length; i += 2) {
    whole.writeUInt32LE(words32[i + 1] ?? 0, optional + (words32[i] ?? 0))
  }
  whole.write('.text', section)
  const places = [0x200, 0x1000, 0x200, code, 0, 0, 0, 0x60000020]
  places.forEach((value, i) => whole.writeUInt32LE(value, section + 8 + i * 4))
  whole.set(program, code)
  whole.write(`${words}\n`, code + program.length)
  return whole
}

/** A disk whose EFI starts that program: needs mtools. */
export async function makeEfiDisk(path: string, words: string): Promise<void> {
  await writeFile(`${path}.efi`, efiProgram(words))
  execFileSync('mformat', ['-C', '-i', path, '-T', '20480', '-h', '16', '-s', '63', '::'])
  execFileSync('mmd', ['-i', path, '::/EFI', '::/EFI/BOOT'])
  execFileSync('mcopy', ['-i', path, `${path}.efi`, '::/EFI/BOOT/BOOTX64.EFI'])
}
