import type { Artifact } from '../../lib/content/manifest.ts'

/** In which form a root file system is laid out; kernels and initramfs are always as they are. */
export const forms = ['raw', 'zstd', 'qcow2'] as const
export type Form = (typeof forms)[number]

const suffixes: Readonly<Record<Form, string>> = { raw: '', zstd: '.zst', qcow2: '.qcow2' }

/** Where the files of an image are laid out: a template of a path below a folder, or of a key in a bucket. */
export const usualLayout = '{boot}/{name}-{file}'

export const layoutRule =
  'must be a relative path with {name} and {file} in it, and may have {boot} and {suffix}, such as {boot}/{name}-{file}'

const fields = ['boot', 'name', 'file', 'suffix'] as const

export function isLayout(template: string): boolean {
  const asked = [...template.matchAll(/\{([^{}]*)\}/g)].map(([, field]) => field ?? '')
  const plain = template.replaceAll(/\{[^{}]*\}/g, 'x')
  return (
    asked.every((field) => fields.some((known) => known === field)) &&
    ['name', 'file'].every((field) => asked.includes(field)) &&
    /^[\w.-]+(\/[\w.-]+)*$/.test(plain) &&
    plain.split('/').every((part) => !part.startsWith('.'))
  )
}

/** A file of an image that is laid out. */
export type LaidFile = Pick<Artifact, 'kind' | 'boot'>

export function formOf({ kind }: LaidFile, form: Form): Form {
  return kind === 'rootfs' ? form : 'raw'
}

/** Where a file lies under a name; one that any firmware boots lies there for each. */
export function keysOf(template: string, name: string, file: LaidFile, form: Form): string[] {
  const boots = file.boot === 'any' ? (['bios', 'efi'] as const) : [file.boot]
  const keys = boots.map((boot) => {
    const words = { boot, name, file: file.kind, suffix: suffixes[formOf(file, form)] }
    return template.replaceAll(/\{(boot|name|file|suffix)\}/g, (_, field: keyof typeof words) => {
      return words[field]
    })
  })
  return [...new Set(keys)]
}
