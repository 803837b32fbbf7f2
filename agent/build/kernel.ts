/** A kernel of a tree and what it starts with, by their names in /boot. */
export interface BootFiles {
  readonly kernel: string
  readonly initramfs: string | undefined
}

const kernelPattern = /^vmlinu[xz]-(.+)$/

/** The newest kernel among the names in /boot, and its initramfs if there is one; undefined where there is none. */
export function newestKernel(names: readonly string[]): BootFiles | undefined {
  const versions = names.flatMap((name) => {
    const version = kernelPattern.exec(name)?.[1]
    return version === undefined || name.includes('rescue') ? [] : [{ name, version }]
  })
  const newest = versions.toSorted((a, b) => byVersion(a.version, b.version)).at(-1)
  if (newest === undefined) return undefined
  const { name: kernel, version } = newest
  const initramfs = [`initrd.img-${version}`, `initramfs-${version}.img`].find((name) =>
    names.includes(name),
  )
  return { kernel, initramfs }
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
