import { execFile } from 'node:child_process'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'
import { freePort, leashed, until } from './daemon.ts'
import { temporaryFolder } from './folder.ts'
import type { S3 } from './s3.ts'

const kinds = ['account', 'container', 'object'] as const

/** Whether OpenStack Swift is installed: Debian's swift-proxy, swift-account, swift-container and swift-object. */
export async function hasSwift(): Promise<boolean> {
  const found = await Promise.allSettled(
    ['proxy', ...kinds].map((kind) => access(`/usr/bin/swift-${kind}-server`)),
  )
  return found.every(({ status }) => status === 'fulfilled')
}

/** A Swift of one device that speaks S3, and has no conditional put; gone with this process. */
export async function startSwift(): Promise<S3> {
  await using stack = new AsyncDisposableStack()
  const { path: at } = stack.use(await temporaryFolder())
  await mkdir(`${at}/devices/one`, { recursive: true })
  const ports = await Promise.all([...kinds, 'proxy'].map(freePort))
  const servers = [...kinds.entries()].map(([i, kind]) => ({ kind, port: ports[i] ?? 0 }))
  const port = ports.at(-1) ?? 0
  const rings = servers.map(({ kind, port }) => `${kind}:${port}`)
  await promisify(execFile)('/usr/bin/python3', ['-c', makeRings, at, ...rings])
  const start = async (name: string, config: string): Promise<void> => {
    await writeFile(`${at}/${name}.conf`, config)
    stack.defer(leashed([`/usr/bin/swift-${name}-server`, `${at}/${name}.conf`]))
  }
  for (const { kind, port } of servers) await start(kind, serverConfig(at, kind, port))
  await start('proxy', proxyConfig(at, port))
  const endpoint = `http://127.0.0.1:${port}`
  for (const { port } of servers) await until('Swift', () => answers(`http://127.0.0.1:${port}`))
  await until('the proxy of Swift', () => answers(endpoint))
  const running = stack.move()
  return {
    endpoint,
    accessKeyId: 'test:tester',
    secretAccessKey: 'testing',
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** What `swift-ring-builder` does in nine calls. */
const makeRings = `
import sys
from swift.common.ring import RingBuilder
for ring in sys.argv[2:]:
    kind, port = ring.split(':')
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': int(port),
        'replication_ip': '127.0.0.1', 'replication_port': int(port), 'device': 'one', 'weight': 1.0, 'meta': ''})
    builder.rebalance()
    builder.get_ring().save(sys.argv[1] + '/' + kind + '.ring.gz')
`

function commonConfig(at: string, port: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
user = ${userInfo().username}
swift_dir = ${at}
devices = ${at}/devices
mount_check = false
workers = 0
fallocate_reserve = 0
disable_fallocate = true
log_level = ERROR
`
}

function serverConfig(at: string, kind: string, port: number): string {
  return `${commonConfig(at, port)}
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`
}

function proxyConfig(at: string, port: number): string {
  return `${commonConfig(at, port)}
[pipeline:main]
pipeline = catch_errors cache s3api tempauth bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
`
}

function answers(address: string): Promise<boolean> {
  return fetch(address).then(
    () => true,
    () => false,
  )
}
