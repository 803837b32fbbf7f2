import { z } from 'zod'
import { containers } from '../images/format.ts'
import { boot, filePath, limits, release, scheduleFields } from '../recipes/fields.ts'
import { choice, count, fields, onOff, prose, size, word } from '../recipes/words.ts'
import { fieldsOf, readPattern, readTemplate, type Pattern } from './pattern.ts'

const url = z
  .string('needs an address such as https://images.example.org/releases')
  .regex(
    /^https?:\/\/[\x21-\x7e]{1,500}$/,
    'needs an address such as https://images.example.org/releases',
  )
  .refine(
    (text) => !/^https?:\/\/[^/]*@/.test(text),
    'has a user or a password in it: leave them out, credentials are told to the agent (docs/sources.md)',
  )
  .transform((text) => text.replace(/\/+$/, ''))
const repository = word(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
  'an owner and a name, such as canonical/ubuntu',
)
const path = word(
  /^(?![./])(?!.*\/\.{0,2}(?:\/|$))[A-Za-z0-9._/-]{1,255}$/,
  'names with slashes between them, such as group/project',
)
const label = word(/^[\x21-\x7e]{1,255}$/, 'a name without spaces')
const key = prose(12_000).optional()
const github = url.default('https://api.github.com')

const place = z.discriminatedUnion(
  'kind',
  [
    fields({ kind: z.literal('directory'), path: filePath }),
    fields({
      kind: z.literal('http'),
      url,
      sums: word(/^[\x21-\x2e\x30-\x7e]{1,255}$/, 'the name of a file').default('SHA256SUMS'),
      key,
    }),
    fields({
      kind: z.literal('s3'),
      bucket: word(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket'),
      prefix: word(/^[\x21-\x7e]{0,255}$/, 'how names begin').default(''),
      endpoint: url.optional(),
      region: word(/^[a-z0-9-]{1,63}$/, 'the name of a region').optional(),
      path_style: onOff.default(false),
    }),
    fields({ kind: z.literal('oci'), url, repository: path }),
    fields({ kind: z.literal('simplestreams'), url, key }),
    fields({ kind: z.literal('gitlab-packages'), url, project: path, package: label }),
    fields({
      kind: z.literal('gitlab-artifacts'),
      url,
      project: path,
      ref: label,
      job: prose(255),
    }),
    fields({ kind: z.literal('github-releases'), url: github, repository }),
    fields({
      kind: z.literal('github-artifacts'),
      url: github,
      repository,
      branch: label.optional(),
    }),
  ],
  {
    error: ({ input }) =>
      typeof input === 'object'
        ? 'needs directory, http, s3, oci, simplestreams, gitlab-packages, gitlab-artifacts, github-releases or github-artifacts'
        : 'needs `kind` and what that kind of place needs, such as {kind: directory, path: /srv/images}',
  },
)

/** A pattern or a template, read. */
function pieces(read: (text: string) => Pattern | string, needs: string) {
  return z
    .string(`needs ${needs}`)
    .regex(/^[\x20-\x7e]{1,500}$/, `needs ${needs}`)
    .transform((text, context): Pattern => {
      const found = read(text)
      if (typeof found !== 'string') return found
      context.addIssue({ code: 'custom', message: found })
      return []
    })
}

const part = String.raw`(?:[A-Za-z0-9._]|\{[a-z0-9_]+\})+`
const line = new RegExp(`^(?:[a-z][a-z0-9-]{0,30}[a-z0-9]/)?${part}(?:-${part}){3}$`)
const lineRule =
  'distro, release, role and architecture, each a word or a field in braces, such as ubuntu-{release}-std-{arch}'

/** Every field that a source can have. */
export const sourceFields = fields({
  place,
  match: pieces(
    readPattern,
    'a pattern over the names of items, such as {release}/disk-{date}.img',
  ),
  kernel: pieces(readPattern, 'a pattern over names, such as {release}/vmlinuz-{date}').optional(),
  initramfs: pieces(
    readPattern,
    'a pattern over names, such as {release}/initrd-{date}',
  ).optional(),
  line: word(line, lineRule),
  day: pieces(readTemplate, 'what says the day, such as {date}').optional(),
  order: pieces(readTemplate, 'what says which is newer, such as {date}').optional(),
  newest: count(1, 100).default(1),
  format: choice(containers).optional(),
  boot,
  size: size('64M', '1T').default(32 * 1024 ** 3),
  schedule: fields(scheduleFields).optional(),
  notes: prose(1000).default(''),
  release,
  limits: limits.default(() => limits.parse({})),
})

export type SourceFields = z.infer<typeof sourceFields>
export type SourceFieldName = keyof typeof sourceFields.shape

/** The fields of a line that nothing gives a value, at a place whose items have no fields of their own. */
export function unknownFields(template: Pattern, known: Pattern): readonly string[] {
  const given = fieldsOf(known)
  return fieldsOf(template).filter((field) => !given.includes(field))
}
