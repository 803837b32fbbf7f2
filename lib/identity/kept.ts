import { X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { invalid, unidentified } from '../failure.ts'
import { certifiedOf, type Certified } from '../rpc/certified.ts'
import { readIfThere, writeSecret } from './files.ts'

/** What an agent keeps of having joined. */
export interface Kept {
  /** Where the portal answers: host:port. */
  readonly portal: string
  readonly certified: Certified
}

/** What the portal answered, and the key that it is about. */
export interface Issued {
  /** PEM. */
  readonly key: Buffer
  /** DER. */
  readonly certificate: Buffer
  /** DER. */
  readonly authorities: readonly Buffer[]
}

const own = 'agent.pem'
const others = 'authority.pem'
const portalFile = 'portal'

/** Where an agent with this data folder keeps who it is. */
export function identityFolder(data: string): string {
  return join(data, 'identity')
}

/** Throws if nothing can be written there. */
export async function tryFolder(data: string): Promise<void> {
  const probe = join(identityFolder(data), 'probe')
  await writeSecret(probe, '')
  await rm(probe)
}

/** Writes down who this is from now on. Key and certificate are one file, so that they always fit together. */
export async function keepIdentity(
  data: string,
  { key, certificate, authorities }: Issued,
  portal?: string,
): Promise<void> {
  const folder = identityFolder(data)
  if (portal !== undefined) await writeSecret(join(folder, portalFile), `${portal}\n`)
  await writeSecret(join(folder, others), authorities.map(pem).join(''))
  await writeSecret(join(folder, own), `${pem(certificate)}${key.toString()}`)
}

/** Who this is, or undefined if it never joined. */
export async function readIdentity(data: string, now: Date): Promise<Kept | undefined> {
  const folder = identityFolder(data)
  const pair = await readIfThere(join(folder, own))
  const authority = await readIfThere(join(folder, others))
  const portal = await readIfThere(join(folder, portalFile))
  if (pair === undefined || authority === undefined || portal === undefined) return undefined
  const { validTo } = parsed(pair, join(folder, own))
  if (new Date(validTo) <= now) {
    throw unidentified(
      'NOT_IDENTIFIED',
      `The agent's certificate ran out on ${validTo}, before it could be renewed. Join again: "mrg-image new token FACILITY" at the portal, "mrs-image join" here. Everything that is stored stays.`,
      { path: join(folder, own) },
    )
  }
  const files = {
    tlsCert: join(folder, own),
    tlsKey: join(folder, own),
    tlsCa: join(folder, others),
  }
  const certified = certifiedOf({ chain: pair, key: pair, authority }, files, now)
  return { portal: portal.toString().trim(), certified }
}

function parsed(certificate: Buffer, path: string): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch (error) {
    const text = `${path} is no certificate in PEM: join again with "mrs-image join".`
    throw invalid('INVALID_FIELD', text, { path }, error)
  }
}

function pem(der: Buffer): string {
  return new X509Certificate(der).toString()
}
