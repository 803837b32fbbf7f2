/** The canonical spelling of an architecture. */
export type Arch = 'x86' | 'aarch64' | 'riscv64'

/** An official major release of a distro. */
export interface Release {
  /** Digits only, as image names write it: `2404`. */
  readonly release: string
  /** As the distro writes it: `24.04`. */
  readonly official: string
  readonly codename?: string
  /** The codename for people: `Noble Numbat`. */
  readonly display?: string
  readonly lts?: boolean
  readonly prerelease?: boolean
  /** The day it came out, YYYY-MM-DD. */
  readonly released?: string
  /** The last day of support, YYYY-MM-DD in UTC. */
  readonly endOfLife?: string
}

/** What an operating system family is called. */
export interface DistroWords {
  readonly id: string
  readonly short: readonly string[]
  readonly display: string
}

/** An operating system family. */
export interface Distro extends DistroWords {
  /** Oldest first: this order decides which release is newer. */
  readonly releases: readonly Release[]
}

/** The words of image names and what they mean. */
export interface Catalogue {
  readonly defaultArch: Arch
  readonly roles: readonly string[]
  readonly distros: readonly Distro[]
}

const spellings: ReadonlyMap<string, Arch> = new Map([
  ['x86', 'x86'],
  ['x86_64', 'x86'],
  ['amd64', 'x86'],
  ['x64', 'x86'],
  ['aarch64', 'aarch64'],
  ['arm64', 'aarch64'],
  ['riscv64', 'riscv64'],
])

/** Every spelling of every architecture. */
export const archWords: readonly string[] = [...spellings.keys()]

export function archOf(word: string): Arch | undefined {
  return spellings.get(word)
}

/** The distro with this id or short name. */
export function distroOf(catalogue: Catalogue, word: string): Distro | undefined {
  return (
    catalogue.distros.find(({ id }) => id === word) ??
    catalogue.distros.find(({ short }) => short.includes(word))
  )
}

/** The words that name a distro. */
export function wordsOfDistro(distro: DistroWords): readonly string[] {
  return [distro.id, ...distro.short]
}

/** The release that a word names: by its digits, as the distro writes it, or by its codename. */
export function releaseOf(distro: Distro, word: string): Release | undefined {
  return (
    distro.releases.find(({ release }) => release === word) ??
    distro.releases.find(({ official, codename }) => official === word || codename === word)
  )
}

/** The words that name a release of the distro. */
export function wordsOfReleases(distro: Distro): readonly string[] {
  return distro.releases.flatMap(({ release, codename }) =>
    codename === undefined ? [release] : [release, codename],
  )
}

/** What is shown to people: `Ubuntu 24.04.4 LTS (Noble Numbat)`. */
export function displayName(
  name: { readonly distro: string; readonly release: string; readonly point: number },
  catalogue: Catalogue,
): string {
  const distro = catalogue.distros.find(({ id }) => id === name.distro)
  const release = distro?.releases.find((one) => one.release === name.release)
  const point = name.point === 0 ? '' : `.${name.point}`
  const major = `${distro?.display ?? name.distro} ${release?.official ?? name.release}`
  return `${major}${point}${release === undefined ? '' : surname(release)}`
}

function surname({ lts, codename, display = capitalized(codename) }: Release): string {
  return `${lts === true ? ' LTS' : ''}${display === undefined ? '' : ` (${display})`}`
}

function capitalized(word: string | undefined): string | undefined {
  return word === undefined ? undefined : word.charAt(0).toUpperCase() + word.slice(1)
}
