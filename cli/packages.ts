import { parsePackages } from '../lib/images/packages.ts'
import type { Package } from '../proto/gen/merge/image/v1/upload.ts'
import { readText } from './document.ts'

/** The list of packages in a file: a name and a version a line, as `dpkg-query -W` prints them. */
export async function readPackages(file: string): Promise<Package[]> {
  return parsePackages(file, await readText(file))
}
