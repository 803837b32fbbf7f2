import { z } from 'zod'
import { isLabelKey, isLabelValue, labelKeyRule, labelValueRule, mostLabels } from '../labels.ts'
import { suggest } from '../names/suggest.ts'
import { flawOfCron, isTimeZone, timeZones } from './schedule.ts'
import { choice, count, eachOnce, fields, list, onOff, prose, size, time, word } from './words.ts'

const line =
  /^(?:[a-z][a-z0-9-]{0,30}[a-z0-9]\/)?[a-z][a-z0-9]{1,15}-[0-9]{1,6}(?:\.(?:0|[1-9][0-9]{0,2}))?-[a-z][a-z0-9]{0,31}-(?:x86|aarch64|riscv64)$/

const url = word(
  /^(?:https?|file|copy):\/\/[\x21-\x7e]{1,500}$/,
  'an address such as http://mirror.example.org/debian',
)
const suite = word(/^[a-z0-9][a-z0-9._/-]{0,63}$/i, 'the name of a suite, such as trixie-updates')
/** A name as Debian and Fedora have them, with a version, an architecture or a group, but never an option. */
const packageName = word(
  /^[a-z0-9@?~][\x21-\x7e]{0,254}$/i,
  'the name of a package: no spaces, and no dash at its start',
)
/** An absolute path that leads nowhere else. */
export const filePath = word(
  /^(?!.*\/\.{0,2}(?:\/|$))(?:\/[^/\p{Cc}]{1,255}){1,32}$/u,
  'an absolute path such as /etc/motd, without "." and ".." in it',
)

const file = fields({
  path: filePath,
  content: z.string('needs a text').max(65_536, 'has 65536 characters at most'),
  mode: word(/^0?[0-7]{3}$|^[0-7]{4}$/, 'the mode as chmod has it, such as 0644')
    .transform((mode) => mode.padStart(4, '0'))
    .default('0644'),
})

const scriptName = word(/^[^\p{Cc}]{1,100}$/u, 'one line of at most 100 characters')
const bare = prose(65_536).transform((run) => ({ name: '', run }))
const named = fields({ name: scriptName.default(''), run: prose(65_536) })
const script = z.union([bare, named], 'needs the lines of a script, or `name` and `run`')

const repository = fields({
  name: word(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'a short name, such as fedora'),
  url,
})

/** When something is done by itself, and how often it may fail in a row. */
export const scheduleFields = {
  cron: z.string('needs five fields of cron').superRefine((cron, context) => {
    const flaw = flawOfCron(cron)
    if (flaw !== undefined) context.addIssue({ code: 'custom', message: flaw })
  }),
  time_zone: z
    .string('needs the name of a time zone')
    .superRefine((zone, context) => {
      if (isTimeZone(zone)) return
      const { ending } = suggest(zone, timeZones())
      context.addIssue({
        code: 'custom',
        message: `needs a time zone such as Europe/Berlin; ${ending}`,
      })
    })
    .default('UTC'),
  pause_after: count(1, 100).default(3),
}

const schedule = fields({
  ...scheduleFields,
  unchanged: choice(['skip', 'build']).default('skip'),
})

const bootCheck = fields({
  marker: word(/^[^\p{Cc}]{1,200}$/u, 'what the serial line says once it is up').default('login:'),
  within: time('10s', '1h').default(10 * 60_000),
})
const bootOn = z.literal('on').transform(() => bootCheck.parse({}))

const checks = fields({
  boot: z
    .union([z.literal('off'), bootOn, bootCheck], 'needs `on`, `off`, or `marker` and `within`')
    .default(() => bootCheck.parse({})),
  fsck: onOff.default(true),
  packages: onOff.default(true),
  hygiene: onOff.default(true),
})

/** How far a build may go. */
export const limits = fields({
  time: time('1m', '1d').default(60 * 60_000),
  disk: size('512M', '2T').default(32 * 1024 ** 3),
  log: size('64K', '64M').default(16 * 1024 ** 2),
  attempts: count(1, 10).default(3),
})

const labels = z
  .record(z.string(), z.string('needs words'), 'needs keys and words, such as team: net')
  .superRefine((given, context) => {
    const wrong = (message: string, ...path: string[]): void => {
      context.addIssue({ code: 'custom', message, path })
    }
    const all = Object.entries(given)
    if (all.length > mostLabels) wrong(`has ${mostLabels} labels at most`)
    for (const [key, value] of all.slice(0, mostLabels)) {
      if (!isLabelKey(key)) wrong(`is no key of a label: ${labelKeyRule}`, key)
      else if (!isLabelValue(value)) wrong(`needs ${labelValueRule}`, key)
    }
  })

const firmware = ['bios', 'efi'] as const
/** The firmware that an image starts with. */
export const boot = eachOnce(list(choice(firmware), 2, 'some')).default(['bios', 'efi'])
/** When it is released. */
export const release = choice(['automatic', 'by hand']).default('by hand')
const variants = ['minbase', 'apt', 'essential', 'required', 'important', 'standard'] as const

/** Every field that a recipe can have; which builder has which, is looked at beside this. */
export const recipeFields = fields({
  line: word(
    line,
    'distro, release, role and architecture, such as debian-13-std-x86; a point release may be given, as in debian-13.1-std-x86',
  ),
  builder: choice(['mmdebstrap', 'dnf', 'command']),
  suites: eachOnce(list(suite, 16, 'some')).optional(),
  components: eachOnce(list(suite, 16, 'some')).default(['main']),
  mirrors: eachOnce(list(url, 16)).default([]),
  variant: choice(variants).default('minbase'),
  repositories: eachOnce(list(repository, 16, 'some'), ({ name }) => name).optional(),
  keyring: filePath.optional(),
  packages: eachOnce(list(packageName, 5000)).default([]),
  files: eachOnce(list(file, 200), ({ path }) => path).default([]),
  scripts: list(script, 50).default([]),
  command: prose(65_536).optional(),
  size: size('64M', '1T'),
  boot,
  schedule: schedule.optional(),
  notes: prose(1000).default(''),
  labels: labels.optional(),
  checks: checks.default(() => checks.parse({})),
  release,
  limits: limits.default(() => limits.parse({})),
  parent: word(
    /^[A-Za-z0-9._:/-]{1,128}$/,
    'a reference to an image, such as debian-13',
  ).optional(),
})

export type RecipeFields = z.infer<typeof recipeFields>
export type FieldName = keyof typeof recipeFields.shape
