import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer as createWebServer, type Server as WebServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openClient } from '../../../agent/import/client.ts'
import type { Resolve } from '../../../agent/import/connecting.ts'
import { openOrigin } from '../../../agent/import/open.ts'
import type { OriginDeps } from '../../../agent/import/origin.ts'
import { importDeps, never } from '../../support/importing.ts'
import { formsOf } from '../../support/urlforms.ts'

/** Everybody who could be reached inside, at one port of all addresses of this machine. */
let inside: Server
let port = 0
let seen = 0
/** Where sources may look, and which leads elsewhere. */
let outside: WebServer
let location = ''
let asked = 0

beforeAll(async () => {
  inside = createServer((socket) => {
    seen++
    socket.destroy()
  }).listen(0, '::')
  await once(inside, 'listening')
  port = (inside.address() as AddressInfo).port
  outside = createWebServer((_request, response) => {
    asked++
    response.writeHead(302, { location }).end()
  }).listen(0, '127.9.9.9')
  await once(outside, 'listening')
})
afterAll(() => {
  inside.close()
  outside.close()
})

/** Names that others chose, and where they say these are. */
const names: Readonly<Record<string, string>> = {
  'inside.example': '127.0.0.1',
  'ten.example': '10.0.0.1',
  'mapped.example': '::ffff:127.0.0.1',
  'six.example': '::1',
  'any.example': '0.0.0.0',
  'any6.example': '::',
  'nat64.example': '64:ff9b::7f00:1',
  'sixtofour.example': '2002:7f00:1::',
  'compatible.example': '::127.0.0.1',
  'metadata.example': '169.254.169.254',
  'local.example': 'fe80::1',
}

const resolve: Resolve = async (host) => {
  const name = host.replace(/\.$/, '').toLowerCase()
  const address = name.endsWith('.nip.example')
    ? name.slice(0, -'.nip.example'.length)
    : names[name]
  if (address !== undefined) return [{ address, family: address.includes(':') ? 6 : 4 }]
  return lookup(host, { all: true })
}

const deps = (others: Partial<OriginDeps> = {}): OriginDeps =>
  importDeps({ insideAllowed: ['127.9.9.9'], resolve, ...others })

const others = [
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'LocalHost.',
    'loc\u00adalhost',
    'ｌｏｃａｌｈｏｓｔ',
  ],
  ...['localhost.localdomain', 'ip6-localhost', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', 'lo%63alhost', '%6c%6f%63alhost'],
  ...Object.keys(names).flatMap((name) => [name, `${name}.`, name.toUpperCase()]),
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[0000:0000::0001]', '[::]', '[::0]', '[::0001]'],
  ...[
    '[fe80::1]',
    '[fc00::1]',
    '[fd00::1]',
    '[ff02::1]',
    '[fec0::1]',
    '[::1%25lo]',
    '[::1]:80@[::1]',
  ],
  ...['0', '0x0', '00', '127.1', '127.0.1', '0177.1', '0x7f.1', '2130706433', '017700000001'],
  ...['127.0.0.1\\@images.example', 'images.example\\@127.0.0.1', '127.0.0.1#@images.example'],
  ...['127.0.0.1?@images.example', '127。0。0。1', '127．0．0．1', '127.0.0.1\t', '127.0.0\n.1'],
]

const addresses = [
  '127.0.0.1',
  '127.1.2.7',
  '0.0.0.0',
  '10.0.0.1',
  '192.168.0.1',
  '169.254.169.254',
  '172.17.0.1',
]

/** With the port of whoever listens there. */
const hosts = [...new Set([...addresses.flatMap(formsOf), ...others])]
const urls = hosts.flatMap((host) => {
  const withPort = /[\\#?\t]/.test(host)
    ? host.replace(/^([\d.a-z]+)/, `$1:${port}`)
    : `${host}:PORT`
  return [`https://${withPort}/`, `http://${withPort}/`]
})
urls.push('//127.0.0.1:PORT/', 'https:127.0.0.1:PORT/', 'https:///127.0.0.1:PORT/')
urls.push('file:///etc/passwd', 'ftp://127.0.0.1:PORT/', 'gopher://127.0.0.1:PORT/', 'unix:/run/x')
urls.push(
  'data:text/plain,x',
  'javascript:1',
  'ws://127.0.0.1:PORT/',
  'blob:https://127.0.0.1:PORT/',
)

const there = (url: string): string => url.replaceAll('PORT', String(port))

test(`none of ${urls.length} addresses is asked that lead inside`, async () => {
  expect(urls.length).toBeGreaterThanOrEqual(300)
  const outcomes = await Promise.allSettled(
    urls.map(async (url) => {
      await using origin = await openOrigin({ kind: 'http', url: there(url), sums: 'SUMS' }, deps())
      await origin.items(never)
    }),
  )
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toEqual([])
  expect(seen).toBe(0)
}, 60_000)

test('neither is one that a server leads to', async () => {
  const { port: door } = outside.address() as AddressInfo
  await using client = openClient(deps())
  for (const url of urls) {
    // A header cannot hold the rest, and a relative address stays where it is.
    location = encodeURI(there(url)).replaceAll('%25', '%')
    const wanted = { url: new URL(`http://127.9.9.9:${door}/`) }
    await expect(client.read(wanted, never)).rejects.toMatchObject({ name: 'Failure' })
  }
  expect(asked).toBeGreaterThanOrEqual(urls.length)
  expect(seen).toBe(0)
}, 60_000)

test('and the same is asked where the owner of the agent allows it', async () => {
  const allowed = deps({
    insideAllowed: ['127.0.0.0/8', '::1'],
    patience: { attempts: 1, firstMs: 1, mostMs: 1 },
  })
  for (const host of [
    '127.0.0.1',
    '0x7f.1',
    'inside.example',
    '[::1]',
    '[::ffff:127.0.0.1]',
    'localhost',
  ]) {
    const before = seen
    await using origin = await openOrigin(
      { kind: 'http', url: `http://${host}:${port}`, sums: 'SUMS' },
      allowed,
    )
    await expect(origin.items(never)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
    expect([host, seen]).toEqual([host, before + 1])
  }
  seen = 0
})

describe('a name that is elsewhere each time it is asked for', () => {
  test.each([
    ['outside first', ['1.1.1.1', '127.0.0.1', '127.0.0.1']],
    ['inside between', ['127.0.0.1', '1.1.1.1', '127.0.0.1']],
    ['both at once', ['1.1.1.1,127.0.0.1', '127.0.0.1,1.1.1.1']],
  ])('leads nowhere inside: %s', async (_, turns) => {
    let turn = 0
    const found: string[] = []
    const rebinding: Resolve = () => {
      const said = (turns[turn++ % turns.length] ?? '').split(',')
      // Nobody is asked outside in a test: what is let through is told, and then goes nowhere.
      if (said.every((address) => address === '1.1.1.1')) {
        found.push(...said)
        return Promise.reject(Object.assign(new Error('nowhere'), { code: 'ENOTFOUND' }))
      }
      return Promise.resolve(said.map((address) => ({ address, family: 4 })))
    }
    for (let tries = 0; tries < 6; tries++) {
      await using origin = await openOrigin(
        { kind: 'http', url: `https://turning.example:${port}`, sums: 'SUMS' },
        deps({ resolve: rebinding }),
      )
      await expect(origin.items(never)).rejects.toMatchObject({ name: 'Failure' })
    }
    expect(seen).toBe(0)
  })
})

test('a bucket is guarded as well', async () => {
  for (const host of [
    '127.0.0.1',
    '0x7f.1',
    '[::1]',
    'inside.example',
    'mapped.example',
    'localhost',
  ]) {
    for (const scheme of ['http', 'https']) {
      const endpoint = `${scheme}://${host}:${port}`
      const place = { kind: 's3', bucket: 'images', prefix: '', endpoint, pathStyle: true } as const
      const looking = async (): Promise<void> => {
        await using origin = await openOrigin(place, deps())
        await origin.items(never)
      }
      await expect(looking()).rejects.toMatchObject({ reason: 'ADDRESS_REFUSED' })
    }
  }
  expect(seen).toBe(0)
})
