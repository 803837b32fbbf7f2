import 'reflect-metadata'
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { algorithm } from '../../lib/identity/algorithm.ts'
import { makeAuthority as make, type Lifetime } from '../../lib/identity/authority.ts'
import { makeRequest, readRequest } from '../../lib/identity/request.ts'
import type { CertifiedFiles } from '../../lib/rpc/certified.ts'

/** An authority that certifies whatever it is told, as none of ours would. */
export interface Authority {
  /** A certificate with this URI, `spiffe://merge.test/agent/lab1` say, and its key, as files. */
  issue(uri: string, lifetime?: Lifetime): Promise<CertifiedFiles>
}

const hour = 60 * 60 * 1000

/** From an hour before, for the clocks of others, until so many hours after. */
export function hoursAround(now: Date, hours: number): Lifetime {
  const notBefore = new Date(now.getTime() - hour)
  return { notBefore, notAfter: new Date(now.getTime() + hours * hour) }
}

/** Makes an authority; it and what it issues are files in the folder. */
export async function makeAuthority(folder: string, lifetime: Lifetime): Promise<Authority> {
  const own = await make('merge.test', newSerial(), lifetime)
  const pkcs8 = createPrivateKey(own.key).export({ format: 'der', type: 'pkcs8' })
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
  const issuer = new X509Certificate(own.certificate.toString()).subjectName
  const tlsCa = join(folder, 'authority.pem')
  await writeFile(tlsCa, own.certificate)
  let issued = 0
  return {
    async issue(uri, { notBefore, notAfter } = lifetime) {
      const { key, request } = await makeRequest()
      const spki = await readRequest(request)
      const certificate = await X509CertificateGenerator.create({
        ...{ issuer, signingKey, signingAlgorithm: algorithm, notBefore, notAfter },
        publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
        extensions: [new SubjectAlternativeNameExtension([{ type: 'url', value: uri }])],
      })
      const base = join(folder, `certificate-${issued++}`)
      const [tlsCert, tlsKey] = [`${base}.pem`, `${base}.key`]
      await writeFile(tlsCert, certificate.toString('pem'))
      await writeFile(tlsKey, key, { mode: 0o600 })
      return { tlsCert, tlsKey, tlsCa }
    },
  }
}

function newSerial(): string {
  return `4${randomBytes(8).toString('hex')}`.slice(0, 16)
}
