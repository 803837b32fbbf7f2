import { renderLine, type ImageName, type Line } from '../../lib/names/name.ts'
import { renderTarget } from '../../lib/names/target.ts'
import type { Sql, Transaction } from '../db/open.ts'

/**
 * Makes all who give out names of a line, or decide which of its images is the newest, wait for each other until the
 * transaction ends. Locks are taken in one order, so that nobody waits in a circle: line, image, alias, names.
 */
export async function lockLine(tx: Transaction, line: Line): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${renderLine(line)}, 0))`
}

/** Of a namespace, as the index of names finds it: `is not distinct from` does not. */
export function ownedBy(sql: Sql | Transaction, namespace: string) {
  return namespace === '' ? sql`facility is null` : sql`facility = ${namespace}`
}

/** The serial of the next build of a day. */
export async function nextSerial(tx: Transaction, name: Omit<ImageName, 'build'>, day: string) {
  const { namespace, distro, release, point, role, arch } = name
  await lockLine(tx, name)
  // The names that are given to builds count, whether they come to an image or not.
  const [row] = await tx<{ next: number }[]>`
    select coalesce(greatest((
        select max(serial) from image
        where ${ownedBy(tx, namespace)}
          and distro = ${distro} and release = ${release} and point = ${point}
          and role = ${role} and arch = ${arch} and day = ${day}), (
        select max(serial) from build
        where target = ${renderTarget(name, point)} and day = ${day} and serial is not null)) + 1, 0) as next`
  return row?.next ?? 0
}
