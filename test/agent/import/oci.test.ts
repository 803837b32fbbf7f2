import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { pack } from 'tar-stream'
import { openOrigin } from '../../../agent/import/open.ts'
import type { Item, Origin } from '../../../agent/import/origin.ts'
import { originContract, type Scene } from '../../contracts/origins.ts'
import { bytesOf, importDeps, named, never } from '../../support/importing.ts'
import { type LayerOf, type ManifestOf, ociLayout } from '../../support/ocilayout.ts'
import { pushWithSkopeo, type Registry, startRegistry } from '../../support/registry.ts'
import { storyWith } from '../../support/tools.ts'

const digestOf = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const diskLayer = (bytes: Buffer, title = 'disk.qcow2'): LayerOf => ({
  mediaType: 'application/vnd.merge.disk.layer.v1',
  bytes,
  title,
})

async function push(
  registry: Registry,
  to: string,
  manifests: readonly ManifestOf[],
  ...flags: readonly string[]
): Promise<void> {
  await using layout = await ociLayout(manifests)
  await pushWithSkopeo(
    `oci:${layout.path}:it`,
    registry,
    to,
    '--preserve-digests',
    '--all',
    ...flags,
  )
}

async function scene(): Promise<Scene> {
  const registry = await startRegistry()
  let last: Buffer = Buffer.alloc(0)
  return {
    ...{ endpoint: registry.endpoint, name: '13/disk.qcow2' },
    place: (url) => ({ kind: 'oci', url, repository: 'images/debian' }),
    async offer(bytes) {
      last = bytes
      await push(registry, 'images/debian:13', [{ layers: [diskLayer(bytes)] }])
    },
    async withdraw() {
      const url = `${registry.endpoint}/v2/images/debian/blobs/${digestOf(last)}`
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(202)
    },
    async offerNamed(names) {
      const layers = names.map((title) => diskLayer(Buffer.from(title), title))
      await push(registry, 'images/debian:13', [{ layers: [diskLayer(last), ...layers] }])
    },
    isFile: ({ path }) => path.includes('/blobs/'),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}

type Entry = Parameters<ReturnType<typeof pack>['entry']>[0]

async function tarOf(...entries: readonly (readonly [Entry, Buffer?])[]): Promise<Buffer> {
  const archive = pack()
  for (const [header, bytes] of entries) archive.entry(header, bytes ?? '')
  archive.finalize()
  const pieces: Buffer[] = []
  for await (const piece of archive as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}

const layer = 'application/vnd.oci.image.layer.v1.tar'

storyWith('a registry', ['docker-registry', 'skopeo'])('a registry', () => {
  originContract(scene)

  describe('has images whose disk is in a layer', () => {
    const disk = Buffer.from('QFI\xfb and so on'.repeat(10_000), 'latin1')
    let registry: Registry
    let origin: Origin

    beforeAll(async () => {
      registry = await startRegistry()
      origin = await openOrigin(
        { kind: 'oci', url: registry.endpoint, repository: 'vm' },
        importDeps(),
      )
    })
    afterAll(async () => {
      await origin[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    })
    const pushed = async (tag: string, ...layers: readonly LayerOf[]): Promise<Item> => {
      await push(registry, `vm:${tag}`, [{ layers }])
      return named(origin, `${tag}/disk`)
    }

    test.each([
      ['plain', layer, (bytes: Buffer) => bytes],
      ['gzip', `${layer}+gzip`, gzipSync],
      ['zstd', `${layer}+zstd`, zstdCompressSync],
    ])('%s', async (tag, mediaType, packed) => {
      const tar = await tarOf(
        [{ name: './disk/', type: 'directory' }],
        [{ name: './disk/a.qcow2' }, disk],
      )
      const bytes = packed(tar)
      const item = await pushed(tag, { mediaType, bytes })
      expect(item).toMatchObject({ version: `layer ${digestOf(bytes)}`, fields: { tag } })
      expect((await bytesOf(origin, item)).equals(disk)).toBe(true)
    })

    test('the last of several', async () => {
      const below = await tarOf([{ name: 'disk/old.img' }, Buffer.from('old')])
      const above = await tarOf([{ name: 'disk/new.img' }, disk], [{ name: 'etc/x' }, disk])
      const top = await tarOf([{ name: 'etc/motd' }, Buffer.from('hello')])
      const layers = [below, above, top].map((bytes) => ({ mediaType: layer, bytes }))
      const item = await pushed('several', ...layers)
      expect((await bytesOf(origin, item)).equals(disk)).toBe(true)
    })

    test('and tags whose image was deleted', async () => {
      const bytes = await tarOf([{ name: 'disk/d' }, Buffer.from('gone')])
      await pushed('gone', { mediaType: layer, bytes })
      const manifest = `${registry.endpoint}/v2/vm/manifests`
      const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' }
      const found = await fetch(`${manifest}/gone`, { headers })
      const digest = found.headers.get('docker-content-digest') ?? ''
      await fetch(`${manifest}/${digest}`, { method: 'DELETE' })
      await pushed('left', { mediaType: layer, bytes: await tarOf([{ name: 'disk/d' }, disk]) })
      const names = (await origin.items(never)).map(({ name }) => name)
      expect(names).toContain('left/disk')
      expect(names).not.toContain('gone/disk')
    })

    test('as Docker writes it', async () => {
      const bytes = gzipSync(await tarOf([{ name: 'disk/a.img' }, disk]))
      await using layout = await ociLayout([{ layers: [{ mediaType: `${layer}+gzip`, bytes }] }])
      await pushWithSkopeo(`oci:${layout.path}:it`, registry, 'vm:docker', '--format', 'v2s2')
      expect((await bytesOf(origin, await named(origin, 'docker/disk'))).equals(disk)).toBe(true)
    })

    test('for each architecture', async () => {
      const manifests = ['amd64', 'arm64'].map(async (architecture) => ({
        architecture,
        layers: [
          { mediaType: layer, bytes: await tarOf([{ name: 'disk/d' }, Buffer.from(architecture)]) },
        ],
      }))
      await push(registry, 'vm:many', await Promise.all(manifests))
      for (const arch of ['amd64', 'arm64']) {
        const item = await named(origin, `many/${arch}/disk`)
        expect(item.fields).toEqual({ tag: 'many', arch, os: 'linux' })
        expect((await bytesOf(origin, item)).toString()).toBe(arch)
      }
    })

    test.each<[string, readonly (readonly [Entry, Buffer?])[], string, RegExp]>([
      ['none', [[{ name: 'etc/motd' }, disk]], 'SOURCE_UNREADABLE', /has no disk/],
      [
        'two',
        [
          [{ name: 'disk/a' }, disk],
          [{ name: 'disk/b' }, disk],
        ],
        'SOURCE_UNREADABLE',
        /has two disks/,
      ],
      [
        'link',
        [[{ name: 'disk/a', type: 'symlink', linkname: '/etc/shadow' }]],
        'SOURCE_UNREADABLE',
        /no plain file/,
      ],
      ['up', [[{ name: 'disk/../../etc/passwd' }, disk]], 'INVALID_NAME', /leads elsewhere/],
      ['root', [[{ name: '/disk/a' }, disk]], 'INVALID_NAME', /begins at the root/],
      ['bell', [[{ name: 'disk/\u0007' }, disk]], 'INVALID_NAME', /cannot be seen/],
      ['long', [[{ name: `disk/${'a'.repeat(600)}` }, disk]], 'INVALID_NAME', /longer than/],
      [
        'large',
        [[{ name: 'disk/a' }, Buffer.alloc(65 * 1024 * 1024)]],
        'ITEM_TOO_LARGE',
        /longer than/,
      ],
    ])('%s is told', async (tag, entries, reason, message) => {
      const bytes = gzipSync(await tarOf(...entries))
      const item = await pushed(`bad-${tag}`, { mediaType: `${layer}+gzip`, bytes })
      await expect(bytesOf(origin, item)).rejects.toMatchObject({
        reason,
        message: expect.stringMatching(message),
      })
    })

    test.each([
      ['no-tar', layer, Buffer.from('x'.repeat(2000))],
      ['no-gzip', `${layer}+gzip`, Buffer.from('x'.repeat(2000))],
      ['cut', `${layer}+gzip`, gzipSync(Buffer.alloc(9999)).subarray(0, 20)],
    ])('%s is told', async (tag, mediaType, bytes) => {
      const item = await pushed(tag, { mediaType, bytes })
      await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
    })
  })
})
