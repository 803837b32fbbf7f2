import { randomUUID, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { joinPortal } from '../../lib/identity/joining.ts'
import { makeRequest } from '../../lib/identity/request.ts'
import { openWithToken, certifiedBy } from '../../lib/rpc/security.ts'
import { renewable, type Renewable } from '../../lib/rpc/shown.ts'
import { clientsOver, freshPortal, type Clients } from './portal.ts'

/** A whole portal in this process with an authority of its own, and its first admin. */
export async function securedPortal(
  now: () => Date = () => new Date(),
  more: readonly string[] = [],
  shared?: Parameters<typeof freshPortal>[1],
) {
  const stack = new AsyncDisposableStack()
  const portal = stack.use(await freshPortal(now, shared, more, []))
  const folder = join(portal.folder, 'portal')
  const [, brought] = more.slice(more.indexOf('--ca-cert'))
  const own = join(folder, 'authority', 'certificate.pem')
  const authority = await readFile(more.includes('--ca-cert') ? (brought ?? own) : own)
  const firstToken = (await readFile(join(folder, 'admin.token'), 'utf8').catch(() => '')).trim()
  const withToken = (token: string): Clients =>
    stack.use(clientsOver(openWithToken(portal.address, { authority, token })))
  const withCertificate = (shown: Renewable): Clients =>
    stack.use(clientsOver(certifiedBy(shown, now).open(portal.address, 'portal')))
  const admin = withToken(firstToken)
  return {
    ...portal,
    ...{ authority, admin, firstToken, withToken, withCertificate },
    folder,
    /** Has an agent with this data folder join. */
    async join(facility: string, data: string): Promise<void> {
      const asked = { requestId: randomUUID(), facility }
      const { token } = await admin.facilities.createJoinToken(asked)
      const joining = { portal: portal.address, token, data, requestId: randomUUID() }
      await joinPortal(joining, AbortSignal.timeout(10_000))
    },
    /** What a facility's agent shows that joined. */
    async joined(facility: string): Promise<Renewable> {
      const asked = { requestId: randomUUID(), facility }
      const { token } = await admin.facilities.createJoinToken(asked)
      const { key, request: certificateRequest } = await makeRequest()
      const enrolling = { requestId: randomUUID(), certificateRequest }
      const { certificate } = await withToken(token).agents.enroll(enrolling)
      return shownBy(certificate, key, authority)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type SecuredPortal = Awaited<ReturnType<typeof securedPortal>>

export function shownBy(certificate: Buffer, key: Buffer, authority: Buffer): Renewable {
  const { subjectAltName = '' } = new X509Certificate(certificate)
  const [, domain = '', name = ''] = /^URI:spiffe:\/\/([^/]+)\/(.+)$/.exec(subjectAltName) ?? []
  const chain = Buffer.from(new X509Certificate(certificate).toString())
  return renewable({ domain, name: name.replace('/', ':'), chain, key, authority })
}
