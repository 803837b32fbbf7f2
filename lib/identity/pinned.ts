import { createHash, X509Certificate } from 'node:crypto'
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls'
import { splitAddress } from '../address.ts'
import { errorCode, unavailable, unidentified, type Failure } from '../failure.ts'

const patienceMs = 10_000

/**
 * The certificate of a portal's authority (PEM), as the portal shows it, if it has this pin: nothing is believed but what the pin says, and
 * nothing is sent.
 */
export async function fetchAuthority(
  address: string,
  pin: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const shown = await chainOf(address, signal)
  const authority = shown.find(({ raw }) => createHash('sha256').update(raw).digest().equals(pin))
  if (authority !== undefined) return Buffer.from(authority.toString())
  throw unidentified(
    'NOT_IDENTIFIED',
    `What answers at ${address} is not the portal that made this token: it shows certificates of another authority. Check the address, and ask for a new token if it is right.`,
    { address },
  )
}

function chainOf(address: string, signal: AbortSignal): Promise<X509Certificate[]> {
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate[]>()
  const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
  const socket = connectTls({
    ...{ ...splitAddress(address), ALPNProtocols: ['h2'], signal: patience },
    // Who it is, is seen from the pin.
    rejectUnauthorized: false,
  })
  socket.once('secureConnect', () => {
    resolve(certificatesOf(socket.getPeerCertificate(true)))
  })
  socket.once('error', (error) => {
    reject(signal.aborted ? (signal.reason as Error) : unreachable(address, error))
  })
  return promise.finally(() => socket.destroy())
}

/** From the one that is shown up to the authority. */
function certificatesOf(shown: DetailedPeerCertificate): X509Certificate[] {
  const found = new Map<string, X509Certificate>()
  let next: DetailedPeerCertificate | undefined = shown
  while (next !== undefined && !found.has(next.fingerprint256)) {
    found.set(next.fingerprint256, new X509Certificate(next.raw))
    next = issuerOf(next)
  }
  return [...found.values()]
}

/** Node leaves it out where it was not sent. */
function issuerOf(shown: DetailedPeerCertificate): DetailedPeerCertificate | undefined {
  return shown.issuerCertificate
}

function unreachable(address: string, error: unknown): Failure {
  const why = errorCode(error) ?? (error instanceof Error ? error.message : String(error))
  const text = `No portal answers with TLS at ${address} (${why}). Check the address, and that the portal runs.`
  return unavailable('UNREACHABLE', text, { address }, error)
}
