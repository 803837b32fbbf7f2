import type { Ask } from './asking.ts'
import { type Client } from './client.ts'
import { unreadable } from './answers.ts'
import type { Found } from './finding.ts'
import { membersOf, type Parts } from './zip.ts'

/** A zip that a server keeps, and what is said of all files in it. */
export interface Archive {
  readonly name: string
  /** What is put before the names of its files. */
  readonly prefix: string
  /** Is another when the archive is. */
  readonly version: string
  readonly ask: Ask
  readonly time: Date
  readonly fields: Readonly<Record<string, string>>
}

/** The files in an archive; nothing is read but its directory. */
export async function filesIn(
  archive: Archive,
  client: Client,
  signal: AbortSignal,
): Promise<Found[]> {
  const { name, prefix, ask, version, time, fields } = archive
  const parts: Parts = {
    name,
    sizeBytes: await lengthOf(archive, client, signal),
    read: (from, end, by) => {
      if (from >= end) return nothing()
      return client.fetch({ ...ask, name, part: { from, to: end - 1 }, isChecked: false }, by)
    },
  }
  const members = await membersOf(parts, signal)
  return members.map(({ path, sizeBytes, crc32, open }) => ({
    ...{ name: `${prefix}${path}`, time, fields: { ...fields, file: path }, open },
    sizeBytes: BigInt(sizeBytes),
    version: `${version} ${crc32.toString(16).padStart(8, '0')} ${sizeBytes}`,
  }))
}

async function* nothing(): AsyncGenerator<Buffer> {
  // An empty range cannot be asked for.
}

async function lengthOf({ ask }: Archive, client: Client, signal: AbortSignal): Promise<number> {
  const first = { ...ask, headers: { ...ask.headers, range: 'bytes=0-0' } }
  const { url, headers } = await client.read(first, signal, [206])
  const length = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]
  if (length === undefined) throw unreadable(url, 'does not say how long it is')
  return Number(length)
}
