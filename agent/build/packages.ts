import type { PackageVersion } from '../../lib/recipes/inputs.ts'
import type { BuilderName } from '../../lib/recipes/recipe.ts'
import { inside } from './cage.ts'
import type { Command } from './plan.ts'

/** Lists what is installed in a tree, a package a line. */
export function listPackages(builder: Exclude<BuilderName, 'command'>, root: string): Command {
  const argv =
    builder === 'dnf'
      ? [
          'rpm',
          '-qa',
          '--qf',
          '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\tinstalled\\n',
        ]
      : [
          'dpkg-query',
          '-W',
          '-f',
          '${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Status}\\n',
        ]
  return {
    kind: 'run',
    title: 'listing the packages',
    argv: inside(root, argv),
    blame: 'OUTPUT',
  }
}

/** Reads that list. `native` is how the packages' own words call the image's architecture. */
export function parseInstalled(text: string, native: readonly string[]): PackageVersion[] {
  const found = text.split('\n').flatMap((line) => {
    const [name = '', arch = '', version = '', status] = line.trim().split('\t')
    // Keys that vouch for packages look like packages to rpm, and are none.
    if (status !== 'installed' || version === '' || name === 'gpg-pubkey') return []
    return [{ name: qualified(name, arch, native), version: version.replace(/^0:/, '') }]
  })
  return joined(found)
}

/** Reads what `apt-get --simulate` would install: `Inst libc6 (2.36-9 Debian:12.15/oldstable [amd64]) []`. */
export function parseSimulated(text: string, native: readonly string[]): PackageVersion[] {
  const pattern = /^Inst ([^\s:]+)(?::\S+)?(?: \[[^\]]*\])? \((\S+) [^)]*?\[([^\]]+)\]\)/gm
  const found = [...text.matchAll(pattern)].map(([, name = '', version = '', arch = '']) => ({
    name: qualified(name, arch, native),
    version,
  }))
  return joined(found)
}

/**
 * Reads the transaction that dnf tells before it asks: a table whose rows begin with one blank and go on in lines that begin with
 * more, in sections of which those for groups and streams list no packages.
 */
export function parseTransaction(text: string, native: readonly string[]): PackageVersion[] {
  const [table = ''] = text.split(/^Transaction Summary/m)
  const sections = table.replaceAll(/\n {2,}/g, ' ').split(/^(?=\S)/m)
  const found = sections.flatMap((section) => {
    const [title = '', ...rows] = section.split('\n')
    if (!/^Installing(?: (?:weak )?dependencies| group\/module packages)?:$/.test(title)) return []
    return rows.flatMap((row) => {
      const [name = '', arch = '', version = '', repository] = row.trim().split(/\s+/)
      if (repository === undefined) return []
      return [{ name: qualified(name, arch, native), version: version.replace(/^0:/, '') }]
    })
  })
  return joined(found)
}

function qualified(name: string, arch: string, native: readonly string[]): string {
  return native.includes(arch) ? name : `${name}:${arch}`
}

/** Each name once: what is there in several versions, as kernels are, has them all. */
function joined(packages: readonly PackageVersion[]): PackageVersion[] {
  const versions = new Map<string, Set<string>>()
  for (const { name, version } of packages) {
    versions.set(name, (versions.get(name) ?? new Set()).add(version))
  }
  return [...versions]
    .map(([name, each]) => ({ name, version: [...each].sort().join(',') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

const words = {
  x86: ['amd64', 'x86_64'],
  aarch64: ['arm64', 'aarch64'],
  riscv64: ['riscv64'],
} as const

/** How package managers call an architecture, and packages that fit all. */
export function nativeWords(arch: keyof typeof words): readonly string[] {
  return [...words[arch], 'all', 'noarch', '(none)']
}
