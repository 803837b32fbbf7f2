import type { Digest } from '../../lib/content/digest.ts'
import { parseDigest } from '../../lib/content/digest.ts'
import { invalid, precondition, type Failure } from '../../lib/failure.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import { parseTarget, renderTarget, type Target } from '../../lib/names/target.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import {
  BuildFailure,
  BuildServiceService,
  BuildTrigger,
  type ReportBuildRequest,
  type ReportBuildResponse,
} from '../../proto/gen/merge/image/v1/build.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { newGeneration } from '../generation.ts'
import { giveBuild, lockImage } from '../images/queries.ts'
import { noImage } from '../images/found.ts'
import { everyCheck, parseChecks } from './checks.ts'
import { endBuild, type BuildEnd } from './ending.ts'
import { appendLog } from './logs.ts'
import { getBuild, insertBuild, keepChecks, type CheckRow } from './queries.ts'
import { buildName } from './queue.ts'
import { renderBuild } from './render.ts'

const mostLogBytes = 2 * 1024 * 1024

/** What a report comes to, checked. */
interface Report {
  readonly target: string
  readonly line: Target['line']
  readonly image: string | undefined
  readonly inputs: Digest | undefined
  readonly checks: readonly CheckRow[]
  readonly times: { readonly start: Date; readonly end: Date }
}

/** Records a build that ran elsewhere, with the image that it made. */
export async function reportBuild(
  deps: { readonly sql: Sql; readonly now: () => Date; readonly newUlid: () => string },
  request: ReportBuildRequest,
  caller: Caller,
): Promise<ReportBuildResponse> {
  const { sql, now, newUlid } = deps
  const { catalogue } = await readCatalogue(sql)
  const report = parseReport(request, parseTarget(request.target, catalogue), now())
  return once(sql, BuildServiceService.reportBuild, caller, request, async (tx) => {
    const { namespace } = report.line
    if (namespace !== '') await getFacility(tx, namespace)
    const name = buildName(namespace === '' ? null : namespace, newUlid())
    await insertReported(tx, name, report, request, caller)
    if (report.image !== undefined) await giveImage(tx, name, report.image)
    if (request.log.length > 0) {
      await appendLog(tx, await getBuild(tx, name), { offset: 0n, data: request.log })
    }
    await keepChecks(tx, name, report.checks)
    await endBuild(tx, await getBuild(tx, name), endOf(report, request))
    await tx`
      update build set start_time = ${report.times.start}, end_time = ${report.times.end} where name = ${name}`
    return { build: renderBuild(await getBuild(tx, name)) }
  })
}

function parseReport(request: ReportBuildRequest, target: Target, now: Date): Report {
  const { endTime: end = now, image, failure, inputsDigest, log } = request
  const { startTime: start = end } = request
  if ((image === '') === (failure === BuildFailure.BUILD_FAILURE_UNSPECIFIED)) {
    throw wrong('image', 'A build either made an image or failed: give one of image and failure.')
  }
  if (!(failure in failureCodes)) throw wrong('failure', 'There is no such reason to fail.')
  demandText('builder', request.builder, 1, 200)
  demandText('message', request.message, 0, 2000)
  if (request.link !== '' && !/^https?:\/\/[\x21-\x7e]{1,990}$/.test(request.link)) {
    throw wrong('link', 'link is an address of http or https, of 1000 characters at most.')
  }
  if (start > end || start > now) {
    throw wrong(
      'start_time',
      'start_time is when it began: not in the future, and not after end_time.',
    )
  }
  if (log.length > mostLogBytes) throw wrong('log', `log has ${mostLogBytes} bytes at most.`)
  return {
    target: renderTarget(target.line, target.point),
    line: target.line,
    image: image === '' ? undefined : imageOf(image, target),
    inputs: inputsDigest === '' ? undefined : parseDigest(inputsDigest),
    checks: parseChecks(request.checks),
    times: { start, end },
  }
}

const failureCodes: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(BuildFailure).map(([name, code]) => [code, name]),
)

function demandText(field: string, text: string, least: number, most: number): void {
  if (text.length >= least && text.length <= most) return
  throw wrong(field, `${field} has ${least} to ${most} characters.`)
}

function imageOf(text: string, target: Target): string {
  const name = parseImageName(text)
  if (renderTarget(name, name.point) === renderTarget(target.line, target.point)) {
    return renderImageName(name)
  }
  throw wrong('image', `${text} is no image of ${renderTarget(target.line, target.point)}.`)
}

async function insertReported(
  tx: Transaction,
  name: string,
  { target, line }: Report,
  { builder, link }: ReportBuildRequest,
  caller: Caller,
): Promise<void> {
  await insertBuild(tx, {
    ...{ name, target, arch: line.arch, recipe: null, recipeVersion: null, kind: 0 },
    facility: line.namespace === '' ? null : line.namespace,
    trigger: BuildTrigger.BUILD_TRIGGER_OUTSIDE,
    requester: caller.name,
    ...{ reason: '', scheduleTime: null, retryOf: null, force: false, releases: false },
    requiredChecks: everyCheck,
    ...{ pauseAfter: 0, maxAttempts: 1, logLimit: mostLogBytes, timeLimitMs: 0 },
  })
  await tx`update build set builder = ${builder}, link = ${link}, attempt = 1 where name = ${name}`
}

/** The image has been published, and is shown from now on with the build that made it. */
async function giveImage(tx: Transaction, build: string, image: string): Promise<void> {
  const found = await lockImage(tx, image)
  if (found === undefined) throw noImage(image)
  if (found.state !== 'candidate') {
    const text = `${image} is ${found.state}: report its build while it is a candidate.`
    throw precondition('WRONG_STATE', text, { state: found.state })
  }
  if (!(await giveBuild(tx, image, build))) {
    throw precondition('WRONG_STATE', `${image} has a build already.`, { state: found.state })
  }
  const { build: at } = parseImageName(image)
  await tx`
    update build set image = ${image}, day = ${at.day}, serial = ${at.serial} where name = ${build}`
  await newGeneration(tx, { images: [image] })
}

function endOf({ inputs }: Report, { failure, message }: ReportBuildRequest): BuildEnd {
  if (failure === BuildFailure.BUILD_FAILURE_UNSPECIFIED) return { state: 'done', inputs }
  return { state: 'failed', failure, message }
}

function wrong(field: string, message: string): Failure {
  return invalid('INVALID_FIELD', message, { field })
}
