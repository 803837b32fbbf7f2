import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, leashed, until } from './daemon.ts'
import { temporaryFolder } from './folder.ts'

const run = promisify(execFile)

export interface Registry extends AsyncDisposable {
  readonly endpoint: string
}

/** Debian's docker-registry, with nothing in it; `auth` is a part of its configuration. */
export async function startRegistry(auth = ''): Promise<Registry> {
  await using stack = new AsyncDisposableStack()
  const { path: at } = stack.use(await temporaryFolder())
  const port = await freePort()
  const config = `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${at}/store }, delete: { enabled: true } }
http: { addr: '127.0.0.1:${port}' }
${auth}
`
  await writeFile(join(at, 'config.yml'), config)
  stack.defer(leashed(['/usr/bin/docker-registry', 'serve', join(at, 'config.yml')]))
  const endpoint = `http://127.0.0.1:${port}`
  await until('the registry', () =>
    fetch(`${endpoint}/v2/`).then(
      () => true,
      () => false,
    ),
  )
  const running = stack.move()
  return { endpoint, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Pushes what lies in a folder as skopeo's `dir:` has it. */
export async function pushWithSkopeo(
  from: string,
  { endpoint }: Registry,
  to: string,
  ...flags: readonly string[]
): Promise<void> {
  const target = `docker://${endpoint.replace('http://', '')}/${to}`
  const usual = ['--insecure-policy', 'copy', '--dest-tls-verify=false', ...flags]
  await run('skopeo', [...usual, from, target])
}
