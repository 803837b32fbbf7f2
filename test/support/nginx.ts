import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from './certificate.ts'
import { freePort, leashed, until } from './daemon.ts'
import { temporaryFolder } from './folder.ts'

export interface Nginx extends AsyncDisposable {
  readonly port: number
  /** What it serves. */
  readonly root: string
}

/** Debian's nginx before an empty folder; with TLS if it is given a certificate. */
export async function startNginx(tls?: Certificate): Promise<Nginx> {
  await using stack = new AsyncDisposableStack()
  const { path: root } = stack.use(await temporaryFolder())
  const { path: at } = stack.use(await temporaryFolder())
  const port = await freePort()
  await writeFile(join(at, 'key.pem'), tls?.key ?? '')
  await writeFile(join(at, 'cert.pem'), tls?.cert ?? '')
  await writeFile(join(at, 'nginx.conf'), configOf(at, root, port, tls !== undefined))
  stack.defer(leashed(['/usr/sbin/nginx', '-p', at, '-c', join(at, 'nginx.conf'), '-e', 'stderr']))
  await until('nginx', () => answers(port))
  const running = stack.move()
  return { port, root, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

function configOf(at: string, root: string, port: number, isSecure: boolean): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `${userInfo().uid === 0 ? 'user root;' : ''}
daemon off;
master_process off;
pid ${at}/pid;
error_log stderr crit;
events { worker_connections 256; }
http {
  access_log off;
  ${folders.map((name) => `${name}_temp_path ${at}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port}${isSecure ? ' ssl' : ''};
    ${isSecure ? `ssl_certificate ${at}/cert.pem; ssl_certificate_key ${at}/key.pem;` : ''}
    root ${root};
  }
}
`
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
