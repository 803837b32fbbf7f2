import { invalid, type Failure } from '../../lib/failure.ts'
import type { Package } from '../../proto/gen/merge/image/v1/upload.ts'
import type { Sql, Transaction } from '../db/open.ts'

/** They come in one message, which has 4 MiB at most: 80 bytes for each of so many. */
const mostPackages = 50_000

const namePattern = /^[^\p{Cc}]{1,255}$/u
/** What is there in many versions, as rpm's keys are, has them all in one. */
const versionPattern = /^[^\p{Cc}]{1,4096}$/u

/** Whether this can be the list of an image's packages: each name once. */
export function checkPackages(packages: readonly Package[]): void {
  if (packages.length > mostPackages) {
    throw wrong(`An image has ${mostPackages} packages at most, and these are ${packages.length}.`)
  }
  const seen = new Set<string>()
  for (const [i, { name, version }] of packages.entries()) {
    if (!namePattern.test(name)) {
      const rule = '1 to 255 characters, none of them a control character'
      throw wrong(`Package ${i + 1} of the list has no proper name: ${rule}.`)
    }
    if (!versionPattern.test(version)) throw wrong(`The package ${name} has no proper version.`)
    if (seen.has(name)) throw wrong(`The package ${name} is in the list twice: join its versions.`)
    seen.add(name)
  }
}

export async function insertPackages(
  tx: Transaction,
  image: string,
  packages: readonly Package[],
): Promise<void> {
  if (packages.length === 0) return
  const names = packages.map(({ name }) => name)
  const versions = packages.map(({ version }) => version)
  await tx`
    insert into image_package (image, name, version)
    select ${image}, name, version
    from unnest(${names}::text[], ${versions}::text[]) as package (name, version)`
}

/** The versions of an image's packages, by their names. */
export async function packagesOf(sql: Sql, image: string): Promise<Record<string, string>> {
  const rows = await sql<{ name: string; version: string }[]>`
    select name, version from image_package where image = ${image}`
  return Object.fromEntries(rows.map(({ name, version }) => [name, version]))
}

function wrong(message: string): Failure {
  return invalid('INVALID_FIELD', message, { field: 'packages' })
}
