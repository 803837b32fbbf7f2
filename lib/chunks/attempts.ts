import { errorCode } from '../failure.ts'
import { sleep } from './clock.ts'
import { systemCode } from './files.ts'
import { isNamed, statusOf } from './refusals.ts'

/** How often a request is sent again, and how long is waited before. */
export interface Patience {
  readonly attempts: number
  /** The longest wait before the second attempt; it doubles with each. */
  readonly firstMs: number
  /** No wait is longer. */
  readonly mostMs: number
  /** From 0 to 1. */
  readonly random: () => number
}

/** Some 6 s of waiting at most, half of it on average. */
export const usualPatience: Omit<Patience, 'random'> = { attempts: 7, firstMs: 100, mostMs: 5_000 }

/**
 * Sends until it is answered, with full jitter: clients that were refused together do not come back together. `describe` makes
 * the last error one for people.
 */
export async function persistently<T>(
  send: () => Promise<T>,
  patience: Patience,
  describe: (error: unknown, attempts: number) => unknown,
  signal: AbortSignal = new AbortController().signal,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    signal.throwIfAborted()
    try {
      return await send()
    } catch (error) {
      signal.throwIfAborted()
      if (tried >= patience.attempts || !isTransient(error)) throw describe(error, tried)
      await sleep(waitMs(patience, tried, error), signal)
    }
  }
}

/** At least what the server asks for, as far as that is within our patience. */
function waitMs({ firstMs, mostMs, random }: Patience, tried: number, error: unknown): number {
  const asked = Math.min(retryAfterMs(error), mostMs)
  return Math.max(asked, random() * Math.min(mostMs, firstMs * 2 ** (tried - 1)))
}

const transientStatuses = new Set([408, 429, 500, 502, 503, 504])

const transientNames = new Set([
  // Answers of 400 that blame the connection: our body came cut, late or changed.
  'RequestTimeout',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  // Answers of 409: somebody else is writing this very key.
  'ConditionalRequestConflict',
  'OperationAborted',
  'ConcurrentModification',
  // No answer within the time we give it.
  'TimeoutError',
  'AbortError',
])

const transientCodes = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
])

/** Whether the same request may fare better in a moment. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error)
  if (status !== undefined && transientStatuses.has(status)) return true
  if ([...transientNames].some((name) => isNamed(error, name))) return true
  if (status !== undefined) return isUnreadable(status) || isSkewCorrected(error)
  if (errorCode(error)?.startsWith('HPE_') === true) return true
  return transientCodes.has(systemCode(error) ?? '')
}

/** An answer that went well, had it come whole. */
function isUnreadable(status: number): boolean {
  return status >= 200 && status < 300
}

/** The SDK has learnt the server's time from its refusal, and signs with that from now on. */
function isSkewCorrected(error: unknown): boolean {
  return metadataOf(error)?.['clockSkewCorrected'] === true
}

function retryAfterMs(error: unknown): number {
  const response = fieldOf(error, '$response')
  const seconds = Number(fieldOf(fieldOf(response, 'headers'), 'retry-after'))
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
}

function metadataOf(error: unknown): Readonly<Record<string, unknown>> | undefined {
  const metadata = fieldOf(error, '$metadata')
  return typeof metadata === 'object' && metadata !== null ? { ...metadata } : undefined
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
