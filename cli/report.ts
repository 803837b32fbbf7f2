import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { connect } from '../lib/rpc/connect.ts'
import { readFault } from '../lib/workers/faults.ts'
import {
  BuildFailure,
  ReportBuildRequest,
  buildFailureFromJSON,
  type Build,
} from '../proto/gen/merge/image/v1/build.ts'
import {
  CheckKind,
  CheckOutcome,
  CheckResult,
  ImageServiceService,
  ImageState,
  checkKindFromJSON,
  type Image,
} from '../proto/gen/merge/image/v1/image.ts'
import { checkTable } from './checks.ts'
import { command, type Answer, type Context } from './command.ts'
import { present } from './find.ts'
import { buildJson, imageJson } from './json.ts'
import { parseMoment } from './moment.ts'
import { madeFacts, madeJson, type Made } from './made.ts'
import { diskFlags, makeImage } from './publish.ts'
import { builds } from './recipes.ts'
import { coloured, facts } from './table.ts'
import { UsageError } from './usage.ts'
import { unknown, word, wordsOf } from './words.ts'

const help = 'mrg-image report build --help'

const report = command({
  verb: 'report',
  object: 'build',
  summary: 'publish what a pipeline built, with its log and checks; or tell that it failed',
  arguments: ['[FILE]'],
  flags: {
    as: { value: 'TARGET', about: 'what it is: distro and release at least', required: true },
    builder: { value: 'NAME', about: 'who built it: the project and its job', required: true },
    log: { value: 'FILE', about: 'what it logged; of more than 2 MiB the two ends' },
    passed: {
      value: 'CHECKS',
      about: `the checks that it passed: ${wordsOf(CheckKind).join(',')}`,
    },
    'not-passed': { value: 'CHECKS', about: 'those that it did not pass' },
    link: { value: 'URL', about: 'where to read more: the address of the job' },
    started: { value: 'TIME', about: 'when the build began, as in 2026-06-15T12:00:00Z' },
    'auto-release': { about: 'release it, if it passed all checks' },
    reason: { value: 'TEXT', about: 'why to release it whatever it passed' },
    failure: { value: 'KIND', about: 'without FILE: what failed (script)', choices: failures() },
    message: { value: 'TEXT', about: 'without FILE: why the build failed' },
    ...diskFlags,
  },
  about:
    'The one step of a pipeline that builds elsewhere, as in docs/ci: FILE is published as a candidate, its build is\n' +
    'recorded, and with --auto-release it is released, where it passed all checks. A check that is not named counts as not\n' +
    'passed; the list of packages is looked at here. FILE and its options are those of `publish`.',
  examples: [
    'report build disk.raw --as debian-13 --builder ci/debian --log build.log --passed boot,fsck,hygiene --auto-release',
    "report build --as debian-13 --builder ci/debian --log build.log --message 'mkosi ended with 1'",
  ],
  async run(context, [file], flags) {
    const request = await requestOf(context, flags)
    if (file === undefined) return tellFailure(context, request, flags)
    if (flags.message !== undefined || flags.failure !== undefined) {
      throw new UsageError('a build with FILE did not fail: leave one of them out', help)
    }
    const made = await makeImage(context, file, flags.as, { ...flags, release: false })
    const { name } = made.image
    const told = { ...request, image: name }
    const { signal } = context
    const build = present((await builds(context).reportBuild(told, { signal })).build)
    const { 'auto-release': release = false, reason = '' } = flags
    const image = release ? await released(context, name, reason) : made.image
    return reported({ ...made, image }, build)
  },
})

export const reportCommands = [report]

function failures(): readonly string[] {
  return wordsOf(BuildFailure).filter((failure) => failure !== 'lost')
}

interface Told {
  readonly as: string
  readonly builder: string
  readonly log?: string
  readonly passed?: string
  readonly 'not-passed'?: string
  readonly packages?: string
  readonly link?: string
  readonly started?: string
}

/** What there is to tell of a build before it is known what came of it. */
async function requestOf(context: Context, flags: Told): Promise<ReportBuildRequest> {
  const { as: target, builder, log, link = '', started } = flags
  return ReportBuildRequest.create({
    ...{ requestId: context.newId(), target, builder, link },
    startTime: started === undefined ? undefined : parseMoment('--started', started, help),
    checks: checksOf(flags),
    log: log === undefined ? Buffer.alloc(0) : await readEnds(resolve(context.folder, log)),
  })
}

function checksOf({ passed, packages, ...flags }: Told): CheckResult[] {
  const good = new Set(kindsIn('passed', passed))
  const bad = new Set(kindsIn('not-passed', flags['not-passed']))
  if (packages !== undefined && !bad.has(CheckKind.CHECK_KIND_PACKAGES)) {
    good.add(CheckKind.CHECK_KIND_PACKAGES)
  }
  const twice = [...bad].find((kind) => good.has(kind))
  if (twice !== undefined) {
    throw new UsageError(`${word(CheckKind, twice)} was passed, or was not: say one`, help)
  }
  const of = (outcome: CheckOutcome) => (kind: CheckKind) =>
    CheckResult.create({ kind, outcome, message: 'as its pipeline says' })
  return [
    ...[...good].map(of(CheckOutcome.CHECK_OUTCOME_PASSED)),
    ...[...bad].map(of(CheckOutcome.CHECK_OUTCOME_FAILED)),
  ]
}

function kindsIn(flag: string, list = ''): readonly CheckKind[] {
  const known = wordsOf(CheckKind)
  const words = list.split(',').flatMap((text) => text.trim() || [])
  const strange = words.find((text) => !known.includes(text))
  if (strange !== undefined)
    throw new UsageError(`--${flag}: ${unknown('check', strange, known)}`, help)
  return words.map((text) => checkKindFromJSON(`CHECK_KIND_${text.toUpperCase()}`))
}

/** As much as the portal takes. */
const mostLogBytes = 2 * 1024 * 1024

/** A file; of one that is too long its beginning and its end, which says what went wrong. */
async function readEnds(path: string): Promise<Buffer> {
  try {
    await using handle = await open(path)
    const { size } = await handle.stat()
    if (size <= mostLogBytes) return await handle.readFile()
    const gap = Buffer.from('\n-- the middle of the log is left out\n')
    const part = (mostLogBytes - gap.length) / 2
    const [head, tail] = [Buffer.alloc(Math.floor(part)), Buffer.alloc(Math.floor(part))]
    await handle.read(head, 0, head.length, 0)
    await handle.read(tail, 0, tail.length, size - tail.length)
    return Buffer.concat([head, gap, tail])
  } catch (error) {
    throw readFault(path, error)
  }
}

async function tellFailure(
  context: Context,
  request: ReportBuildRequest,
  flags: { readonly failure?: string; readonly message?: string },
): Promise<Answer> {
  const { failure = 'script', message } = flags
  if (message === undefined) {
    throw new UsageError('give FILE, the disk that it built, or --message, why it failed', help)
  }
  const code = buildFailureFromJSON(`BUILD_FAILURE_${failure.toUpperCase()}`)
  const told = { ...request, failure: code, message }
  const answer = await builds(context).reportBuild(told, { signal: context.signal })
  const build = present(answer.build)
  return {
    json: { build: buildJson(build) },
    text: () => `${build.name} is recorded as failed: \`mrg-image show build ${build.name}\`.`,
  }
}

async function released(context: Context, name: string, reason: string): Promise<Image> {
  const images = connect(ImageServiceService, context.channel)
  const request = { requestId: context.newId(), name, etag: '', reason }
  return present((await images.releaseImage(request, { signal: context.signal })).image)
}

function reported(made: Made, build: Build): Answer {
  const { image } = made
  return {
    json: { ...madeJson(made), image: imageJson(image), build: buildJson(build) },
    text: (paint) =>
      [
        `${paint('bold', image.name)} is published, and ${coloured(paint, word(ImageState, image.state))}.`,
        facts(paint, [['Build', build.name], ...madeFacts(made)]),
        checkTable(paint, build.checks),
      ].join('\n\n'),
  }
}
