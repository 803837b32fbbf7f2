/** A file of a tree, by its path from the tree's root: `etc/machine-id`. */
export interface Listed {
  readonly path: string
  readonly kind: 'file' | 'link' | 'folder' | 'other'
  readonly sizeBytes: number
}

/** Something that must not be in an image, and what is to be done about it. */
export interface Finding {
  readonly path: string
  readonly act: 'remove' | 'empty'
  readonly reason: string
}

interface Rule {
  readonly pattern: RegExp
  readonly act: Finding['act']
  readonly kinds: readonly Listed['kind'][]
  readonly reason: string
}

const files = ['file'] as const
const filesAndLinks = ['file', 'link', 'other'] as const

const history =
  /^(?:root|home\/[^/]+)\/\.(?:bash_history|sh_history|ash_history|zsh_history|python_history|mysql_history|lesshst|viminfo|wget-hsts)$/

/** In order: the first one that fits counts. */
const rules: readonly Rule[] = [
  {
    pattern: /^etc\/ssh\/ssh_host_[^/]*key(?:\.pub)?$/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'a host key belongs to one machine',
  },
  {
    pattern: /^etc\/machine-id$/,
    act: 'empty',
    kinds: files,
    reason: 'each machine makes its own id',
  },
  {
    pattern: /^var\/lib\/dbus\/machine-id$/,
    act: 'remove',
    kinds: files,
    reason: 'each machine makes its own id',
  },
  {
    pattern: /^var\/lib\/systemd\/(?:random-seed|credential\.secret)$/,
    act: 'remove',
    kinds: files,
    reason: 'a secret of many machines is none',
  },
  { pattern: history, act: 'remove', kinds: filesAndLinks, reason: 'a history of whoever made it' },
  {
    pattern: /^usr\/sbin\/policy-rc\.d$/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'it keeps services from starting',
  },
  {
    pattern: /^etc\/(?:resolv\.conf|\.resolv\.conf\.image)$/,
    act: 'remove',
    kinds: files,
    reason: 'it names the resolvers of the builder',
  },
  {
    pattern: /^var\/cache\/(?:apt|dnf|yum|libdnf5|PackageKit)\/.+/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'a cache of packages',
  },
  {
    pattern: /^var\/lib\/apt\/lists\/.+/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'a list of packages that is old soon',
  },
  {
    pattern: /^var\/lib\/dnf\/repos\/.+/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'a list of packages that is old soon',
  },
  {
    pattern: /^var\/log\/journal\/.+/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'a log of the build',
  },
  {
    pattern: /^var\/log\/.+\.(?:gz|xz|zst|old|\d+)$/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'a log of the build',
  },
  { pattern: /^var\/log\/.+/, act: 'empty', kinds: files, reason: 'a log of the build' },
  {
    pattern: /^(?:tmp|var\/tmp)\/.+/,
    act: 'remove',
    kinds: filesAndLinks,
    reason: 'a temporary file',
  },
]

/** What is in a tree that must not be in two machines, or is of no use in any. */
export function findUnclean(listing: readonly Listed[]): Finding[] {
  return listing.flatMap(({ path, kind, sizeBytes }) => {
    const rule = rules.find(({ pattern, kinds }) => pattern.test(path) && kinds.includes(kind))
    if (rule === undefined || (rule.act === 'empty' && sizeBytes === 0)) return []
    return [{ path, act: rule.act, reason: rule.reason }]
  })
}

/** The same in words, for a check that fails. */
export function uncleanIn(listing: readonly Listed[]): string[] {
  return findUnclean(listing).map(({ path, reason }) => `/${path}: ${reason}`)
}

/** The folders of a tree that rules look into; nobody needs to walk through all of it. */
export const lookedInto: readonly string[] = [
  'etc',
  'home',
  'root',
  'tmp',
  'usr/sbin',
  'var/cache',
  'var/lib/apt/lists',
  'var/lib/dbus',
  'var/lib/dnf',
  'var/lib/systemd',
  'var/log',
  'var/tmp',
]

/** The findings in words, a line for each reason: what was found, how often, and an example. */
export function reportOf(findings: readonly Finding[]): string[] {
  const byReason = Map.groupBy(
    findings,
    ({ reason, act }) => `${act === 'empty' ? 'emptied' : 'removed'}: ${reason}`,
  )
  return [...byReason].map(([what, each]) => {
    const [first] = each
    const more = each.length > 1 ? ` and ${each.length - 1} more` : ''
    return `${what}: /${first?.path ?? ''}${more}`
  })
}
