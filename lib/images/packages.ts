import { invalid, type Failure } from '../failure.ts'
import type { Package } from '../../proto/gen/merge/image/v1/upload.ts'

const mostPackages = 50_000
/** They travel in one message, of 4 MiB at most, beside a few other fields. */
const mostListBytes = 4 * 1024 * 1024 - 4096
/** What a message takes for a package beside its texts, at most. */
const frameBytes = 10

/**
 * The packages in a list: a name and a version a line, as `dpkg-query -W` prints them. What is there in several versions, as
 * rpm's kernels are, has them all, with commas between.
 */
export function parsePackages(file: string, text: string): Package[] {
  const found = new Map<string, Set<string>>()
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const { name, version } = parseLine(file, i + 1, line.replace(/\r$/, ''))
    const versions = found.get(name)
    if (versions === undefined) found.set(name, new Set([version]))
    else versions.add(version)
  }
  const packages = [...found].map(([name, versions]) => ({
    name,
    version: [...versions].sort().join(','),
  }))
  return demandFit(file, packages)
}

const linePattern = /^([^\s\p{Cc}]{1,255})[ \t]+([^\s\p{Cc}]{1,255})[ \t]*$/u

function parseLine(file: string, number: number, line: string): Package {
  const [, name, version] = linePattern.exec(line) ?? []
  if (name !== undefined && version !== undefined) return { name, version }
  const rule = 'a name and a version, with a tab or a blank between them'
  throw wrong(file, `line ${number} is no package: write ${rule}, as \`dpkg-query -W\` does`)
}

function demandFit(file: string, packages: Package[]): Package[] {
  if (packages.length === 0) throw wrong(file, 'there is no package in it')
  if (packages.length > mostPackages) {
    throw wrong(
      file,
      `it has ${packages.length} packages, and an image has ${mostPackages} at most`,
    )
  }
  const sizes = packages.map(({ name, version }) => Buffer.byteLength(name + version) + frameBytes)
  if (sizes.reduce((sum, size) => sum + size, 0) > mostListBytes) {
    throw wrong(file, 'its names and versions have over 4 MiB, which the portal does not take')
  }
  return packages
}

function wrong(file: string, why: string): Failure {
  return invalid('WRONG_FORMAT', `${file}: ${why}.`, { path: file, found: 'no list of packages' })
}
