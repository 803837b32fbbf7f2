import { Failure, precondition } from '../../lib/failure.ts'
import { parseImageName, readImageName } from '../../lib/names/name.ts'
import {
  PinState,
  type LockedNode,
  type VerifiedNode,
} from '../../proto/gen/merge/image/v1/resolver.ts'
import type { Standing } from './queries.ts'

/** What became of the image that a node pins. */
export function verifyPin(node: LockedNode, standing: Standing | undefined): VerifiedNode {
  const { state, message } = standing === undefined ? gone(node) : now(node, standing)
  return { node, state, message, replacement: standing?.replacement ?? '' }
}

export function isUsable({ state }: VerifiedNode): boolean {
  return state === PinState.PIN_STATE_GOOD || state === PinState.PIN_STATE_DEPRECATED
}

/** Why an image cannot be pinned, although the reference means it, or did a moment ago. */
export function whyUnusable(standing: Standing | undefined, sha256: string): Failure | undefined {
  if (standing?.digest !== sha256) {
    return precondition('DIGEST_MISMATCH', 'its image is not what it was a moment ago: try again')
  }
  const { name, state, storage, replacement } = standing
  const facts = replacement === null ? {} : { replacement }
  const sentence = (what: string): string =>
    [`${name} ${what} just now`, instead(standing) ?? []].flat().join('; ')
  if (state === 'revoked') return precondition('REVOKED', sentence('was revoked'), facts)
  if (storage === 'expired') return precondition('EXPIRED', sentence('expired'), facts)
  if (storage === 'archived') {
    const text = `${name} is in the archive: "mrg-image restore ${name}" brings it back`
    return precondition('ARCHIVED', text, { name })
  }
  return undefined
}

type Verdict = Pick<VerifiedNode, 'state' | 'message'>

function gone(node: LockedNode): Verdict {
  const state = PinState.PIN_STATE_MISSING
  const { image } = node
  if (readImageName(image) === undefined) {
    return { state, message: `${whyNoName(image)}; ${remedy(node)}.` }
  }
  const advice = `is the lock from another portal? Else ${remedy(node)}`
  return { state, message: `This portal has no image ${image}: ${advice}.` }
}

function whyNoName(image: string): string {
  try {
    parseImageName(image)
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
  return ''
}

function now(node: LockedNode, standing: Standing): Verdict {
  const { name, digest, state, storage } = standing
  if (node.digest !== `sha256:${digest}`) return mismatch(node, standing)
  if (state === 'revoked') {
    const message = `${name} is revoked and must not be used: ${instead(standing) ?? remedy(node)}.`
    return { state: PinState.PIN_STATE_REVOKED, message }
  }
  if (storage === 'expired') {
    const message = `${name} has expired and its bytes are gone: ${instead(standing) ?? remedy(node)}.`
    return { state: PinState.PIN_STATE_EXPIRED, message }
  }
  if (storage === 'archived') {
    const message = `${name} is archived: ask a portal admin to restore it, or ${remedy(node)}.`
    return { state: PinState.PIN_STATE_ARCHIVED, message }
  }
  if (state === 'deprecated') {
    const what = instead(standing) ?? remedy(node)
    const message = `${name} is deprecated and still works: ${what} when you can.`
    return { state: PinState.PIN_STATE_DEPRECATED, message }
  }
  return { state: PinState.PIN_STATE_GOOD, message: `${name} can be used as it was.` }
}

function mismatch(node: LockedNode, { name, digest }: Standing): Verdict {
  const pinned = /^sha256:[0-9a-f]{64}$/.test(node.digest)
    ? `the lock pins ${node.digest}`
    : 'what the lock pins is no digest'
  const advice = 'find out where the lock comes from before you use it'
  return {
    state: PinState.PIN_STATE_DIGEST_MISMATCH,
    message: `${name} has the digest sha256:${digest}, and ${pinned}: ${advice}.`,
  }
}

function instead({ replacement }: Standing): string | undefined {
  return replacement === null ? undefined : `use ${replacement} instead`
}

/** An exact name means the same image for ever: no upgrade leads away from it. */
function remedy({ reference, image }: LockedNode): string {
  const [name] = reference.split('@')
  return name === image ? 'give this node another reference' : 'upgrade this node'
}
