import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipMember {
  readonly name: string
  readonly bytes: Buffer
  readonly deflated?: boolean
  /** What the archive says in place of the truth. */
  readonly says?: { readonly crc?: number; readonly size?: number; readonly flag?: number }
  /** As Unix has it, such as 0o120777 for a link. */
  readonly mode?: number
}

/** A zip with any names, which tools for people would not write. */
export function zipOf(members: readonly ZipMember[]): Buffer {
  const local: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const member of members) {
    const name = Buffer.from(member.name)
    const data = member.deflated === true ? deflateRawSync(member.bytes) : member.bytes
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    // Names are UTF-8.
    common.writeUInt16LE(0x800 | (member.says?.flag ?? 0), 2)
    common.writeUInt16LE(member.deflated === true ? 8 : 0, 4)
    common.writeUInt32LE(0x5a21_0000, 6)
    common.writeUInt32LE(member.says?.crc ?? crc32(member.bytes), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(member.says?.size ?? member.bytes.length, 18)
    common.writeUInt16LE(name.length, 22)
    const start = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, data])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 6)
    rest.writeUInt32LE(offset, 10)
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), common, rest, name]))
    local.push(start)
    offset += start.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, directory, end])
}
