import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { CertifiedFiles } from '../lib/rpc/certified.ts'

/** An authority of its own, whose certificates a testbed's processes show each other. */
export interface Authority {
  /** A certificate with this URI, `spiffe://merge.test/agent/lab1` say, and its key, as files. */
  issue(uri: string, lifetime?: Lifetime): Promise<CertifiedFiles>
}

export interface Lifetime {
  readonly notBefore: Date
  readonly notAfter: Date
}

const hour = 60 * 60 * 1000

/** From an hour before, for the clocks of others, until so many hours after. */
export function hoursAround(now: Date, hours: number): Lifetime {
  const notBefore = new Date(now.getTime() - hour)
  return { notBefore, notAfter: new Date(now.getTime() + hours * hour) }
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Makes an authority; it and what it issues are files in the folder. */
export async function makeAuthority(folder: string, lifetime: Lifetime): Promise<Authority> {
  const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const ownKeys = await newKeys()
  const name = 'CN=merge-image testbed'
  const own = await X509CertificateGenerator.createSelfSigned({
    ...{ name, keys: ownKeys, signingAlgorithm: algorithm, ...lifetime },
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  })
  const tlsCa = join(folder, 'authority.pem')
  await writeFile(tlsCa, own.toString('pem'))
  let issued = 0
  return {
    async issue(uri, { notBefore, notAfter } = lifetime) {
      const keys = await newKeys()
      const certificate = await X509CertificateGenerator.create({
        ...{ issuer: name, publicKey: keys.publicKey, signingKey: ownKeys.privateKey },
        ...{ signingAlgorithm: algorithm, notBefore, notAfter },
        extensions: [new SubjectAlternativeNameExtension([{ type: 'url', value: uri }])],
      })
      const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
      const base = join(folder, `certificate-${issued++}`)
      const [tlsCert, tlsKey] = [`${base}.pem`, `${base}.key`]
      await writeFile(tlsCert, certificate.toString('pem'))
      await writeFile(tlsKey, PemConverter.encode(key, 'PRIVATE KEY'), { mode: 0o600 })
      return { tlsCert, tlsKey, tlsCa }
    },
  }
}
