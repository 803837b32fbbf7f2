import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { freePort, leashed, until } from './daemon.ts'
import { temporaryFolder } from './folder.ts'

const run = promisify(execFile)

export interface Rgw extends AsyncDisposable {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Whether Ceph is installed: Debian's ceph-mon, ceph-osd, radosgw and ceph-common. */
export async function hasRgw(): Promise<boolean> {
  const needed = ['ceph', 'ceph-mon', 'ceph-osd', 'ceph-authtool', 'monmaptool', 'radosgw']
  const found = await Promise.allSettled(needed.map((name) => access(`/usr/bin/${name}`)))
  return found.every(({ status }) => status === 'fulfilled')
}

/** A Ceph of one monitor and one store in memory, with its S3 gateway; up in a few seconds, gone with this process. */
export async function startRgw(): Promise<Rgw> {
  const folder = await temporaryFolder()
  const at = folder.path
  const [monPort, port] = [await freePort(), await freePort()]
  for (const name of ['mon', 'osd', 'run', 'rgw']) await mkdir(`${at}/${name}`)
  const fsid = randomUUID()
  await writeFile(`${at}/ceph.conf`, configOf(at, fsid, monPort, port))
  const stops: (() => PromiseLike<void>)[] = [() => folder[Symbol.asyncDispose]()]
  const start = (...command: readonly string[]): void => {
    stops.unshift(leashed([...command, '-f', '-c', `${at}/ceph.conf`]))
  }
  const stop = async (): Promise<void> => {
    for (const each of stops) await each()
  }
  const found = { endpoint: `http://127.0.0.1:${port}`, accessKeyId: 'test' }
  const rgw = { ...found, secretAccessKey: 'testtest', [Symbol.asyncDispose]: stop }
  try {
    await bringUp(at, fsid, monPort, rgw, start)
    return rgw
  } catch (error) {
    await stop()
    throw error
  }
}

async function bringUp(
  at: string,
  fsid: string,
  monPort: number,
  rgw: Rgw,
  start: (...command: readonly string[]) => void,
): Promise<void> {
  const conf = ['-c', `${at}/ceph.conf`]
  const ring = `${at}/keyring`
  const map = `${at}/monmap`
  const mon = `[v2:127.0.0.1:${monPort}]`
  const grant = (name: string, ...caps: readonly string[]) =>
    run('ceph-authtool', [
      ring,
      '-n',
      name,
      '--gen-key',
      ...caps.flatMap((cap) => ['--cap', ...cap.split('=')]),
    ])
  await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', mon, map])
  await run('ceph-authtool', ['--create-keyring', ring])
  await grant('mon.', 'mon=allow *')
  await grant('client.admin', 'mon=allow *', 'osd=allow *', 'mgr=allow *')
  await grant('client.rgw.a', 'mon=allow rwx', 'osd=allow rwx')
  await grant('osd.0', 'mon=allow profile osd', 'osd=allow *')
  await run('ceph-mon', [...conf, '-i', 'a', '--mkfs', '--monmap', map, '--keyring', ring])
  start('ceph-mon', '-i', 'a')
  await run('ceph', [
    ...conf,
    '--connect-timeout',
    '20',
    'osd',
    'crush',
    'rule',
    'create-simple',
    'x',
    'default',
    'osd',
  ])
  const osd = randomUUID()
  await run('ceph', [...conf, 'osd', 'new', osd])
  await run('ceph-osd', [...conf, '-i', '0', '--mkfs', '--osd-uuid', osd])
  start('ceph-osd', '-i', '0')
  await until('Ceph', async () => {
    const { stdout } = await run('ceph', [...conf, 'osd', 'stat', '-f', 'json'])
    return stdout.includes('"num_up_osds":1')
  })
  const keys = [`--access-key=${rgw.accessKeyId}`, `--secret=${rgw.secretAccessKey}`]
  await run('radosgw-admin', [
    ...conf,
    'user',
    'create',
    '--uid=test',
    '--display-name=test',
    ...keys,
  ])
  start('radosgw', '-n', 'client.rgw.a')
  await until('the gateway of Ceph', () =>
    fetch(rgw.endpoint).then(
      () => true,
      () => false,
    ),
  )
}

function configOf(at: string, fsid: string, monPort: number, port: number): string {
  return `[global]
fsid = ${fsid}
mon host = [v2:127.0.0.1:${monPort}]
mon initial members = a
ms bind ipv6 = false
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
keyring = ${at}/keyring
run dir = ${at}/run
pid file = ${at}/run/$name.pid
admin socket = ${at}/run/$name.asok
log file = /dev/null
mon cluster log file = /dev/null
[mon]
mon data = ${at}/mon
mon warn on pool no redundancy = false
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
auth allow insecure global id reclaim = false
[osd]
osd data = ${at}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd max object name len = 460
[client.rgw.a]
rgw data = ${at}/rgw
rgw frontends = beast endpoint=127.0.0.1:${port}
rgw enable apis = s3
rgw run sync thread = false
`
}
