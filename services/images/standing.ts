import { denied, invalid, precondition } from '../../lib/failure.ts'
import { parseImageName, renderImageName, type ImageName } from '../../lib/names/name.ts'
import { yearsAfter } from '../../lib/retention/calendar.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { ImageServiceService } from '../../proto/gen/merge/image/v1/image.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { demandShort } from '../remark.ts'
import { lockFamily } from './family.ts'
import { getImage, noImage, staleEtag } from './found.ts'
import {
  descendantsOf,
  findImage,
  planDeprecation,
  setStanding,
  type Change,
  type Locked,
  type Standing,
} from './queries.ts'
import { tellOf } from './telling.ts'

type Standings = Pick<
  Service<typeof ImageServiceService, [call: Call]>,
  'deprecateImage' | 'revokeImage' | 'holdBackImage'
>

/** The part of the image service that says which images are to be used. */
export function standingMethods({
  sql,
  now,
}: {
  readonly sql: Sql
  readonly now: () => Date
}): Standings {
  const { deprecateImage, revokeImage, holdBackImage } = ImageServiceService
  return {
    deprecateImage: (request, { caller }) =>
      once(sql, deprecateImage, caller, request, async (tx) => {
        const subject = await lockSubject(tx, request)
        demandState(subject, 'deprecated', ['released', 'deprecated'])
        const replacement = await demandReplacement(tx, subject.name, request.replacement)
        const by = { actor: caller.name, reason: request.reason }
        const later = demandSoon(request.deprecateTime, now())
        if (later === undefined) {
          await stand(tx, subject, { state: 'deprecated', heldBack: false, replacement }, by)
        } else {
          await planDeprecation(tx, subject.name, { time: later, replacement }, by)
          await tellOf(tx, subject.image)
        }
        return { image: await getImage(tx, subject.name) }
      }),

    revokeImage: (request, { caller }) =>
      once(sql, revokeImage, caller, request, async (tx) => {
        demandReason(request.reason, 'Whoever asks for a revoked image is told why')
        const subject = await lockSubject(tx, request)
        const replacement = await demandReplacement(tx, subject.name, request.replacement)
        const by = { actor: caller.name, reason: request.reason }
        await stand(tx, subject, { state: 'revoked', heldBack: false, replacement }, by)
        const descendants = await descendantsOf(tx, subject.name)
        return {
          image: await getImage(tx, subject.name),
          descendants: descendants.slice(0, mostDescendants),
        }
      }),

    holdBackImage: (request, { caller }) =>
      once(sql, holdBackImage, caller, request, async (tx) => {
        const subject = await lockSubject(tx, request)
        demandState(subject, 'held back', ['released'])
        const { state, replacement } = subject
        const by = { actor: caller.name, reason: request.reason }
        if (!subject.heldBack) await stand(tx, subject, { state, replacement, heldBack: true }, by)
        return { image: await getImage(tx, subject.name) }
      }),
  }
}

const mostDescendants = 1000
const mostYearsAhead = 10

/** An image that is locked, and its line with it. */
export interface Subject extends Locked {
  readonly name: string
  readonly image: ImageName
}

/** Locks the image with its family, and checks that it is as the caller read it. */
export async function lockSubject(
  tx: Transaction,
  request: { readonly name: string; readonly etag: string; readonly reason: string },
): Promise<Subject> {
  demandShort({ reason: request.reason })
  const image = parseImageName(request.name)
  const name = renderImageName(image)
  const locked = await lockFamily(tx, image)
  if (locked === undefined) throw noImage(name)
  if (request.etag !== '' && request.etag !== String(locked.version)) throw staleEtag(name)
  return { ...locked, name, image }
}

/** Changes how an image stands, and tells of it. */
export async function stand(
  tx: Transaction,
  { name, image }: Pick<Subject, 'name' | 'image'>,
  standing: Standing,
  by: Change,
): Promise<void> {
  await setStanding(tx, name, standing, by)
  await tellOf(tx, image)
}

/** Takes back a deprecation, a revocation or a holding back. */
export async function restoreStanding(
  tx: Transaction,
  subject: Subject,
  by: Change & { readonly isAdmin: boolean },
): Promise<void> {
  const { name, state, heldBack, deprecateTime } = subject
  if (state === 'candidate') {
    throw precondition('WRONG_STATE', `${name} is a candidate: release it.`, { state })
  }
  if (state === 'released' && !heldBack && deprecateTime === null) {
    throw precondition('WRONG_STATE', `${name} is released and not held back.`, { state })
  }
  if (state === 'revoked') {
    if (!by.isAdmin) {
      throw denied('NOT_ALLOWED', `${name} is revoked; only a portal admin takes that back.`)
    }
    demandReason(by.reason, 'What was revoked is released again for a reason only')
  }
  await stand(tx, subject, { state: 'released', heldBack: false, replacement: null }, by)
}

export function demandReason(reason: string, why: string): void {
  if (reason.trim() !== '') return
  throw invalid('INVALID_FIELD', `${why}: give a reason.`, { field: 'reason' })
}

function demandState(
  { name, state }: Subject,
  wanted: string,
  allowed: readonly Subject['state'][],
): void {
  if (allowed.includes(state)) return
  const which = allowed.join(' or ')
  const text = `${name} is ${state}, and only what is ${which} can be ${wanted}.`
  throw precondition('WRONG_STATE', text, { state })
}

/** The exact name of what is to be used instead, or null. */
async function demandReplacement(
  tx: Transaction,
  name: string,
  given: string,
): Promise<string | null> {
  if (given === '') return null
  const replacement = renderImageName(parseImageName(given))
  const found = await findImage(tx, replacement)
  if (found === undefined) throw noImage(replacement)
  const field = { field: 'replacement' }
  if (replacement === name) {
    throw invalid('INVALID_FIELD', `${name} cannot be its own replacement.`, field)
  }
  if (found.state === 'revoked' || found.storage === 'expired') {
    const is = found.state === 'revoked' ? 'revoked' : 'expired'
    const text = `${replacement} is ${is} and replaces nothing.`
    throw invalid('INVALID_FIELD', text, field)
  }
  return replacement
}

/** When it is to come; undefined for now. */
function demandSoon(time: Date | undefined, now: Date): Date | undefined {
  if (time === undefined || time <= now) return undefined
  if (time <= yearsAfter(now, mostYearsAhead)) return time
  const text = `deprecate_time is ${mostYearsAhead} years ahead at most.`
  throw invalid('INVALID_FIELD', text, { field: 'deprecate_time' })
}
