import type { FieldName } from './fields.ts'
import type { BuilderName } from './recipe.ts'

/** What only some builders have, and whether they must be given it. */
const own: Readonly<Partial<Record<FieldName, Partial<Record<BuilderName, 'must' | 'may'>>>>> = {
  suites: { mmdebstrap: 'must' },
  components: { mmdebstrap: 'may' },
  mirrors: { mmdebstrap: 'may' },
  variant: { mmdebstrap: 'may' },
  repositories: { dnf: 'must' },
  keyring: { mmdebstrap: 'may', dnf: 'may' },
  packages: { mmdebstrap: 'may', dnf: 'must' },
  scripts: { mmdebstrap: 'may', dnf: 'may' },
  command: { command: 'must' },
}

/** A field that a builder has no use for, or lacks. */
export interface Misfit {
  readonly field: FieldName
  readonly kind: 'needless' | 'absent'
  readonly message: string
}

/** Which fields of a recipe do not go with its builder. */
export function misfits(builder: BuilderName, given: ReadonlySet<string>): Misfit[] {
  const found: Misfit[] = []
  for (const [name, users] of Object.entries(own)) {
    const field = name as FieldName
    const use = users[builder]
    if (use === undefined && given.has(name)) {
      const whose = Object.keys(users).join(' and ')
      const message = `\`${name}\` is for ${whose}, and the builder is ${builder}: leave it out`
      found.push({ field, kind: 'needless', message })
    }
    if (use === 'must' && !given.has(name)) {
      const message = `${builder} needs the field \`${name}\`: ${examples[name] ?? ''}`
      found.push({ field, kind: 'absent', message })
    }
  }
  return found
}

const examples: Readonly<Record<string, string>> = {
  suites: 'a list of suites, such as `[trixie, trixie-updates]`',
  repositories: 'a list, each with `name` and `url`',
  packages: 'a list of packages and groups, such as `[kernel, "@core"]`',
  command: 'what to run, for sh',
}
