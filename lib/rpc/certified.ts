import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { errorCode, invalid, unidentified } from '../failure.ts'

/** What a side shows to prove who it is, and the authority whose word it takes for others. */
export interface Certified {
  /** As callers are written: `portal`, `agent:lab1`, `admin:alice`. */
  readonly name: string
  /** The trust domain: others of another one are nobody here. */
  readonly domain: string
  /** PEM: the certificate, and those between it and the authority. */
  readonly chain: Buffer
  readonly key: Buffer
  /** PEM: the authority's certificate, and no other is believed. */
  readonly authority: Buffer
}

export interface CertifiedFiles {
  readonly tlsCert: string
  readonly tlsKey: string
  readonly tlsCa: string
}

/** The files as they were given, or not. */
export type GivenFiles = { readonly [K in keyof CertifiedFiles]?: string | undefined }

/** All of the files, or undefined where none is given; some of them are no use. */
export function givenFiles({ tlsCert, tlsKey, tlsCa }: GivenFiles): CertifiedFiles | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined && tlsCa !== undefined) {
    return { tlsCert, tlsKey, tlsCa }
  }
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined
  throw invalid('INVALID_FIELD', '--tls-cert, --tls-key and --tls-ca go together: give all three.')
}

/** Reads the files, and checks that they fit together and are valid at this time. */
export async function readCertified(files: CertifiedFiles, now: Date): Promise<Certified> {
  const [chain, key, authority] = await Promise.all([
    read('--tls-cert', files.tlsCert),
    read('--tls-key', files.tlsKey),
    read('--tls-ca', files.tlsCa),
  ])
  return certifiedOf({ chain, key, authority }, files, now)
}

/** The same, of files that were read. */
export function certifiedOf(
  { chain, key, authority }: Pick<Certified, 'chain' | 'key' | 'authority'>,
  files: CertifiedFiles,
  now: Date,
): Certified {
  const certificate = parse(files.tlsCert, chain)
  parse(files.tlsCa, authority)
  if (new Date(certificate.validTo) < now || new Date(certificate.validFrom) > now) {
    throw wrong(files.tlsCert, `is valid from ${certificate.validFrom} to ${certificate.validTo}`)
  }
  const { name, domain } = identityOf(certificate.subjectAltName ?? '', files.tlsCert)
  if (!isKeyOf(certificate, key)) throw wrong(files.tlsKey, `is no key of ${files.tlsCert}`)
  return { name, domain, chain, key, authority }
}

const identity =
  /^URI:spiffe:\/\/(?<domain>[a-z0-9][a-z0-9.-]*)\/(?:(?<portal>portal)|(?<kind>admin|producer|experimenter|manager|agent)\/(?<who>[a-z0-9-]{1,64}))$/

/**
 * Who a certificate is for: its one SPIFFE ID (https://spiffe.io/docs/latest/spiffe-about/spiffe-concepts/), such as
 * spiffe://merge.example/agent/lab1, or NOT_IDENTIFIED. The text is the alternative names as Node writes them.
 */
export function identityOf(
  alternativeNames: string,
  whose: string,
): { readonly name: string; readonly domain: string } {
  const uris = alternativeNames.split(', ').filter((name) => name.startsWith('URI:'))
  // Node puts a name in quotes that could be read as several.
  const groups = alternativeNames.includes('"') ? undefined : identity.exec(uris[0] ?? '')?.groups
  if (groups === undefined || uris.length !== 1) {
    throw unidentified(
      'NOT_IDENTIFIED',
      `${whose} is a certificate for nobody here: its alternative names need one URI, spiffe://DOMAIN/portal, /agent/FACILITY, /manager/FACILITY or /admin/NAME`,
    )
  }
  const { domain = '', kind = '', who = '', portal } = groups
  return { domain, name: portal ?? `${kind}:${who}` }
}

async function read(flag: string, file: string): Promise<Buffer> {
  return readFile(file).catch((error: unknown) => {
    throw wrong(`${flag}: ${file}`, `cannot be read (${errorCode(error) ?? String(error)})`)
  })
}

function parse(file: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw wrong(file, 'is no certificate in PEM', error)
  }
}

function isKeyOf(certificate: X509Certificate, key: Buffer): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

function wrong(file: string, why: string, cause?: unknown): Error {
  return invalid('INVALID_FIELD', `${file} ${why}.`, { path: file }, cause)
}
