import 'reflect-metadata'
import { createPublicKey, webcrypto } from 'node:crypto'
import {
  PemConverter,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
} from '@peculiar/x509'
import { invalid, type Failure } from '../failure.ts'
import { algorithm } from './algorithm.ts'

/** A new key, and the request for a certificate of it. */
export interface MadeRequest {
  /** PKCS #8 in PEM. */
  readonly key: Buffer
  /** PKCS #10 in DER; it asks for nothing. */
  readonly request: Buffer
}

export async function makeRequest(): Promise<MadeRequest> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: algorithm,
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    key: Buffer.from(PemConverter.encode(key, 'PRIVATE KEY')),
    request: Buffer.from(request.rawData),
  }
}

/** Real requests have 200 bytes. */
const mostBytes = 4096

/**
 * The public key (SPKI in DER) for which a certificate is asked, or INVALID_REQUEST. Whoever asks shows that it has the private key, and may
 * ask for nothing else: what a certificate says is the portal's to choose.
 */
export async function readRequest(der: Buffer): Promise<Buffer> {
  if (der.length === 0 || der.length > mostBytes) {
    throw refused(`has ${der.length} bytes, where 1 to ${mostBytes} are taken`)
  }
  const request = parse(der)
  const { subject, attributes, extensions, publicKey } = request
  if (subject !== '') throw refused('asks for a subject')
  if (attributes.length > 0 || extensions.length > 0) throw refused('asks for extensions')
  const key = Buffer.from(publicKey.rawData)
  if (!isOnP256(key)) throw refused('is for a key that is not on P-256')
  if (!(await request.verify().catch(() => false))) {
    throw refused('is not signed by its key')
  }
  return key
}

function parse(der: Buffer): Pkcs10CertificateRequest {
  try {
    if (lengthIn(der) === der.length) return new Pkcs10CertificateRequest(der)
  } catch {
    // Whatever the library says of it, it is none.
  }
  throw refused('is none of PKCS #10 in DER')
}

/** How long the structure is that begins here, header and all (X.690, 8.1.3); what comes after it the library would not see. */
function lengthIn(der: Buffer): number {
  const [, first = 0] = der
  const bytes = first & 0x80 ? first & 0x7f : 0
  return bytes === 0 ? 2 + first : 2 + bytes + der.readUIntBE(2, bytes)
}

function isOnP256(spki: Buffer): boolean {
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

function refused(why: string): Failure {
  return invalid('INVALID_REQUEST', `The request for a certificate ${why}.`, {
    field: 'certificate_request',
  })
}
