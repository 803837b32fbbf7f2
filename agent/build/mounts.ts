import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'

/** A mount of this namespace, by the kernel's own number. */
export interface Mounted {
  readonly id: number
  readonly point: string
}

/** What is mounted below a folder, in the order in which it can be taken off: the deepest first, and of a pile the uppermost. */
export function mountedBelow(folder: string, mountinfo: string): Mounted[] {
  return mountinfo
    .split('\n')
    .map((line) => {
      const [id = '', , , , point = ''] = line.split(' ')
      return { id: Number(id), point: unescaped(point) }
    })
    .filter(({ point }) => point.startsWith(`${folder}/`))
    .toReversed()
    .toSorted((a, b) => b.point.length - a.point.length)
}

/** Blanks and the like are octal in mountinfo. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(parseInt(octal, 8)),
  )
}

/** Opens nothing but the place: no device is asked, and no right to read is needed. */
const placeOnly = 0o10000000 | constants.O_NOFOLLOW

/** The number of the mount that a path leads to; undefined where it leads nowhere. */
export async function mountAt(path: string): Promise<number | undefined> {
  try {
    await using file = await open(path, placeOnly)
    const info = await readFile(`/proc/self/fdinfo/${file.fd}`, 'utf8')
    const [, id] = /^mnt_id:\s*(\d+)$/m.exec(info) ?? []
    return id === undefined ? undefined : Number(id)
  } catch {
    return undefined
  }
}
