import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector } from 'undici'
import { type Allowed, checkAddress } from './address.ts'

/** The addresses of a host, as the machine's resolver says. */
export type Resolve = (
  host: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>

export interface ConnectingDeps {
  readonly allowed: Allowed
  /** Certificates in PEM that are trusted beside the usual ones. */
  readonly ca?: string | undefined
  /** A connection on which nothing moves for so long is given up. */
  readonly stallMs: number
  readonly resolve?: Resolve | undefined
}

/** Bytes of the head of an answer that are read at most. */
const mostHeadBytes = 32 * 1024

const connectMs = 10_000

/** Connects to nothing but what `checkAddress` lets through, looked at when the address is known and before it is used. */
export function guardedAgent(deps: ConnectingDeps): Agent {
  const { ca, stallMs, allowed } = deps
  const trusted = ca === undefined ? {} : { ca: [...getCACertificates(), ca] }
  const connectorFor = (protocol: string) =>
    buildConnector({ ...trusted, timeout: connectMs, lookup: guardedLookup(protocol, deps) })
  const [secure, plain] = [connectorFor('https:'), connectorFor('http:')]
  return new Agent({
    maxHeaderSize: mostHeadBytes,
    headersTimeout: stallMs,
    bodyTimeout: stallMs,
    connect: (options, callback) => {
      const { protocol } = options
      const host = options.hostname.replace(/^\[(.*)\]$/, '$1')
      // Node does not look up what is an address already.
      if (isIP(host) !== 0) {
        try {
          checkAddress({ protocol, host }, host, allowed)
        } catch (error) {
          callback(error as Error, null)
          return
        }
      }
      const connect = protocol === 'https:' ? secure : plain
      connect({ ...options, hostname: host }, callback)
    },
  })
}

/** A look-up that fails where one of the addresses is refused, so that what was checked is what is connected to. */
export function guardedLookup(
  protocol: string,
  { allowed, resolve = (host) => systemLookup(host, { all: true }) }: ConnectingDeps,
): LookupFunction {
  const look = async (host: string) => {
    const found = await resolve(host)
    for (const { address } of found) checkAddress({ protocol, host }, address, allowed)
    return found
  }
  return (host, options, callback) => {
    look(host).then(
      (found) => {
        const [first] = found
        if (options.all === true || first === undefined) callback(null, [...found])
        else callback(null, first.address, first.family)
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, [])
      },
    )
  }
}
