import { createHash } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openOrigin } from '../../../agent/import/open.ts'
import { originContract, type Scene } from '../../contracts/origins.ts'
import { bytesOf, importDeps, never } from '../../support/importing.ts'
import { startNginx } from '../../support/nginx.ts'
import { type Offered, writeTree } from '../../support/simplestreams.ts'
import { storyWith } from '../../support/tools.ts'

const path = 'server/releases/noble/ubuntu 24.04#amd64.img'
const name = 'com.ubuntu.cloud:server:24.04:amd64/20240423/disk1.img'

async function scene(): Promise<Scene> {
  const nginx = await startNginx()
  let disk: Offered | undefined
  return {
    ...{ name },
    endpoint: `http://127.0.0.1:${nginx.port}`,
    place: (url) => ({ kind: 'simplestreams', url }),
    async offer(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      disk = { ftype: 'disk1.img', path, size: bytes.length, sha256 }
      await writeTree(nginx.root, { 'disk1.img': disk }, { [path]: bytes })
    },
    withdraw: () => rm(join(nginx.root, path)),
    async offerNamed(names) {
      const hostile = names.map((word) => [
        word,
        { ftype: 'disk', path: 'x', sha256: '0'.repeat(64) },
      ])
      const items = Object.fromEntries(hostile) as Record<string, Offered>
      await writeTree(nginx.root, {
        ...items,
        ...(disk === undefined ? {} : { 'disk1.img': disk }),
      })
    },
    isFile: (passing) => passing.path.endsWith('.img'),
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  }
}

storyWith('a web server', ['nginx'])('simplestreams', () => {
  originContract(scene)

  test('say of an item what all around it says', async () => {
    await using nginx = await startNginx()
    const item = { ftype: 'disk1.img', path, size: 6, sha256: '0'.repeat(64) }
    await writeTree(nginx.root, { 'disk1.img': item })
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}` } as const
    await using origin = await openOrigin(place, importDeps())
    const fields = {
      ...{ product: 'com.ubuntu.cloud:server:24.04:amd64', version: '20240423', item: 'disk1.img' },
      ...{ arch: 'amd64', os: 'ubuntu', release: 'noble', release_version: '24.04' },
      ...{ ftype: 'disk1.img', label: 'release' },
    }
    expect(await origin.items(never)).toEqual([
      {
        name,
        version: `sha256:${item.sha256}`,
        sha256: item.sha256,
        sizeBytes: 6n,
        fields: expect.objectContaining(fields),
      },
    ])
  })

  test('whose path leads elsewhere are not followed', async () => {
    await using nginx = await startNginx()
    const paths = ['../../secret', 'https://127.0.0.2/x', '/etc/passwd', '//127.0.0.2/x']
    const items = paths.map((path, at) => [`item${at}`, { ftype: 'disk', path, size: 6 }])
    await writeTree(nginx.root, Object.fromEntries(items) as Record<string, Offered>)
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}` } as const
    await using origin = await openOrigin(place, importDeps())
    const found = await origin.items(never)
    expect(found).toHaveLength(paths.length)
    for (const item of found) {
      await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'INVALID_NAME' })
    }
  })

  test.each([
    ['no JSON', 'nonsense', /is no JSON/],
    ['another shape', '{"index": {"a": 5}}', /is not as it should be: index.a/],
    ['a list too long', `"${'x'.repeat(65 * 1024 * 1024)}"`, /too long for a list/],
  ])('that are %s are told', async (_, text, message) => {
    await using nginx = await startNginx()
    await mkdir(join(nginx.root, 'streams/v1'), { recursive: true })
    await writeFile(join(nginx.root, 'streams/v1/index.json'), text)
    const place = { kind: 'simplestreams', url: `http://127.0.0.1:${nginx.port}` } as const
    await using origin = await openOrigin(place, importDeps())
    await expect(origin.items(never)).rejects.toMatchObject({
      reason: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    })
  })
})
