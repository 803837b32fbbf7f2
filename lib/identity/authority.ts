import 'reflect-metadata'
import { createHash, createPrivateKey, hkdfSync, webcrypto, X509Certificate } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Parsed,
  X509CertificateGenerator,
  type JsonGeneralName,
} from '@peculiar/x509'
import { invalid } from '../failure.ts'
import { algorithm } from './algorithm.ts'

/** From when to when a certificate is valid. */
export interface Lifetime {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** What a certificate is to say. */
export interface Subject {
  /** Below the trust domain: `agent/lab1`, `portal`. */
  readonly path: string
  /** SPKI in DER. */
  readonly publicKey: Buffer
  /** Hex; known to nobody before. */
  readonly serial: string
  readonly lifetime: Lifetime
  /** The names and addresses under which other tools look for a server. */
  readonly hosts?: readonly string[]
}

/** Whose word counts: it says who is who. */
export interface Authority {
  /** PEM. */
  readonly certificate: Buffer
  readonly der: Buffer
  readonly domain: string
  /** The SHA-256 of its certificate in DER, by which it is known before anything else is. */
  readonly pin: Buffer
  /** A certificate in DER. */
  issue(subject: Subject): Promise<Buffer>
  /** 32 bytes that only this authority can make of a text, and always the same. */
  secretOf(text: string): Buffer
}

/** An authority as files: PEM. */
export interface AuthorityFiles {
  readonly certificate: Buffer
  readonly key: Buffer
}

const usages = KeyUsageFlags

/** Makes an authority of a trust domain. */
export async function makeAuthority(
  domain: string,
  serial: string,
  lifetime: Lifetime,
): Promise<AuthorityFiles> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...{ name: [{ CN: ['merge-image'] }, { O: [domain] }], serialNumber: serial },
    ...{ keys, signingAlgorithm: algorithm, ...lifetime },
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(usages.keyCertSign | usages.cRLSign, true),
      new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${domain}` }]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certificate: Buffer.from(certificate.toString('pem')),
    key: Buffer.from(PemConverter.encode(key, 'PRIVATE KEY')),
  }
}

/** Opens an authority, which has to be one and to have this key. */
export async function openAuthority(
  { certificate, key }: AuthorityFiles,
  domain: string,
  now: Date,
): Promise<Authority> {
  const own = checked(certificate, key)
  if (new Date(own.validFrom) > now || new Date(own.validTo) <= now) {
    const text = `The authority is valid from ${own.validFrom} to ${own.validTo}: bring another with --ca-cert, --ca-key and --new-authority.`
    throw invalid('INVALID_FIELD', text)
  }
  const signingKey = await importedKey(key)
  const parsed = new Parsed(own.raw)
  return {
    certificate: Buffer.from(own.toString()),
    der: own.raw,
    domain,
    pin: createHash('sha256').update(own.raw).digest(),
    issue: (subject) => issue(parsed, signingKey, domain, subject),
    secretOf: (text) =>
      Buffer.from(hkdfSync('sha256', keyBytes(key), own.raw, `merge-image token ${text}`, 32)),
  }
}

async function issue(
  own: Parsed,
  signingKey: webcrypto.CryptoKey,
  domain: string,
  { path, publicKey, serial, lifetime, hosts = [] }: Subject,
): Promise<Buffer> {
  const names: JsonGeneralName[] = [{ type: 'url', value: `spiffe://${domain}/${path}` }]
  const id = own.getExtension(SubjectKeyIdentifierExtension)?.keyId
  // Nothing counts for longer than whose word it is.
  const notAfter = new Date(Math.min(lifetime.notAfter.getTime(), own.notAfter.getTime()))
  const certificate = await X509CertificateGenerator.create({
    ...{ issuer: own.subjectName, serialNumber: serial, ...lifetime, notAfter },
    publicKey: await webcrypto.subtle.importKey('spki', publicKey, algorithm, true, ['verify']),
    ...{ signingKey, signingAlgorithm: algorithm },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(usages.digitalSignature, true),
      // id-kp-serverAuth and id-kp-clientAuth (RFC 5280, 4.2.1.12): agents are both.
      new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
      // Critical, as the subject is empty (RFC 5280, 4.1.2.6).
      new SubjectAlternativeNameExtension([...names, ...hosts.map(hostName)], true),
      // As the authority has it, however it was made; else chains do not fit.
      ...(id === undefined ? [] : [new AuthorityKeyIdentifierExtension(id)]),
    ],
  })
  return Buffer.from(certificate.rawData)
}

function hostName(host: string): JsonGeneralName {
  const isAddress = host.includes(':') || /^\d+(\.\d+){3}$/.test(host)
  return { type: isAddress ? 'ip' : 'dns', value: host }
}

function checked(certificate: Buffer, key: Buffer): X509Certificate {
  const own = parsed(certificate)
  if (!own.ca || !own.checkIssued(own)) {
    const text =
      "The authority's certificate is none of an authority that stands for itself (a root)."
    throw invalid('INVALID_FIELD', text)
  }
  if (!own.checkPrivateKey(createPrivateKey(key))) {
    throw invalid('INVALID_FIELD', "The authority's key is not the one of its certificate.")
  }
  return own
}

function parsed(certificate: Buffer): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch (error) {
    throw invalid('INVALID_FIELD', "The authority's certificate is none in PEM.", {}, error)
  }
}

function keyBytes(key: Buffer): Buffer {
  return createPrivateKey(key).export({ format: 'der', type: 'pkcs8' })
}

async function importedKey(key: Buffer): Promise<webcrypto.CryptoKey> {
  try {
    return await webcrypto.subtle.importKey('pkcs8', keyBytes(key), algorithm, false, ['sign'])
  } catch (error) {
    const text = "The authority's key has to be one on P-256, in PEM (PKCS #8 or SEC 1)."
    throw invalid('INVALID_FIELD', text, {}, error)
  }
}
