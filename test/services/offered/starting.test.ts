import { execFile, execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { makeFacilities, register } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { ask, askJson, digestOf, hexOf, mixedDisk, untilOffered } from '../../support/offered.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { storyWith } from '../../support/tools.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

const run = promisify(execFile)

interface Item {
  readonly ftype: string
  readonly path: string
  readonly size: number
  readonly sha256: string
  readonly 'combined_disk-kvm-img_sha256'?: string
}

interface Products {
  readonly products: Record<
    string,
    {
      readonly aliases: string
      readonly arch: string
      readonly os: string
      readonly versions: Record<string, { readonly items: Record<string, Item> }>
    }
  >
}

interface Manifest {
  readonly config: { readonly digest: string; readonly size: number }
  readonly layers: readonly {
    readonly digest: string
    readonly size: number
    readonly mediaType: string
  }[]
}

const disk = mixedDisk()
const line = 'debian-13-std-x86'

describe('what a portal offers', () => {
  let portal: Portal
  let producer: Clients
  let folder: Folder
  let first: string
  let second: string

  beforeAll(async () => {
    folder = await temporaryFolder()
    portal = await freshPortal(undefined, undefined, ['--offer', '127.0.0.1:0'])
    producer = portal.as('producer')
    await makeFacilities(portal.as('admin'), 'lab1')
    first = await publish(producer, 'debian-13', mixedDisk('older'))
    second = await publish(producer, 'debian-13', disk)
    await publish(producer, 'debian-13-hypervisor', mixedDisk('candidate'), false)
    await register(portal.as('agent:lab1'), 'lab1/debian-13', mixedDisk('custom'))
    const request = { requestId: randomUUID(), alias: 'golden', image: first }
    await producer.aliases.setAlias(SetAliasRequest.create(request))
    await untilOffered(portal.offered, first, second)
  })

  afterAll(async () => {
    await portal[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const get = (path: string, options = {}) => ask(portal.offered, path, options)
  const build = (name: string) => name.split('-').at(-1) ?? ''
  const manifestAt = (reference: string) =>
    askJson<Manifest>(portal.offered, `/v2/${line}/manifests/${reference}`)

  test('is its released images and nothing else, in streams that a client reads to the last byte', async () => {
    const index = await askJson<{ index: Record<string, { path: string; products: string[] }> }>(
      portal.offered,
      '/streams/v1/index.json',
    )
    const [content] = Object.values(index.index)
    expect(content?.products).toEqual([`merge-image:${line}`])
    const { products } = await askJson<Products>(portal.offered, `/${content?.path ?? ''}`)
    const product = products[`merge-image:${line}`]
    expect(product).toMatchObject({ os: 'debian', arch: 'amd64' })
    expect(Object.keys(product?.versions ?? {})).toEqual([build(first), build(second)])
    for (const { items } of Object.values(product?.versions ?? {})) {
      for (const { path, size, sha256 } of Object.values(items)) {
        const { status, body } = await get(`/${path}`)
        expect({ status, size: body.length, sha256: hexOf(body) }).toEqual({
          status: 200,
          size,
          sha256,
        })
      }
    }
  })

  test('is what Incus, which starts a qcow2, and MAAS, which writes a raw disk, look for', async () => {
    const { products } = await askJson<Products>(portal.offered, '/streams/v1/images.json')
    const items = Object.values(
      products[`merge-image:${line}`]?.versions[build(second)]?.items ?? {},
    )
    const bytesOf = async (ftype: string) => {
      const item = items.find((one) => one.ftype === ftype)
      return { item, bytes: (await get(`/${item?.path ?? ''}`)).body }
    }
    const [raw, metadata, qcow2] = [
      await bytesOf('root-dd.raw'),
      await bytesOf('incus.tar.xz'),
      await bytesOf('disk-kvm.img'),
    ]
    expect(raw.bytes.equals(disk)).toBe(true)
    expect(qcow2.bytes.subarray(0, 8).toString('hex')).toBe('514649fb00000003')
    const combined = metadata.item?.['combined_disk-kvm-img_sha256']
    expect(combined).toBe(hexOf(metadata.bytes, qcow2.bytes))
    const path = join(folder.path, 'incus.tar')
    await writeFile(path, metadata.bytes)
    const text = execFileSync('tar', ['-xOf', path, 'metadata.yaml']).toString()
    expect(text).toContain('architecture: x86_64\n')
    expect(text).toContain(`name: "${second}"`)
  })

  test('is a repository a line, with tags for builds, for aliases and for the newest', async () => {
    expect(await askJson(portal.offered, '/v2/')).toEqual({})
    expect(await askJson(portal.offered, '/v2/_catalog')).toEqual({ repositories: [line] })
    const { tags } = await askJson<{ tags: string[] }>(portal.offered, `/v2/${line}/tags/list`)
    expect(tags).toEqual(
      [
        ...[`13.0-${build(first)}`, `13.0-${build(second)}`].sort(),
        ...[build(first), build(second)].sort(),
        ...['golden', 'latest'],
      ].sort(),
    )
    expect(await manifestAt('latest')).toEqual(await manifestAt(build(second)))
    expect(await manifestAt('golden')).toEqual(await manifestAt(build(first)))
  })

  test('lists page by page', async () => {
    const tags: string[] = []
    let path: string | undefined = `/v2/${line}/tags/list?n=2`
    while (path !== undefined) {
      const { body, headers } = await get(path)
      const { tags: some } = JSON.parse(body.toString()) as { tags: string[] }
      expect(some.length).toBeLessThanOrEqual(2)
      tags.push(...some)
      path = /^<(.*)>; rel="next"$/.exec(String(headers['link'] ?? ''))?.[1]
    }
    const all = await askJson<{ tags: string[] }>(portal.offered, `/v2/${line}/tags/list`)
    expect(tags).toEqual(all.tags)
  })

  test('has manifests and blobs by their digests, as the specification asks', async () => {
    const { body, headers } = await get(`/v2/${line}/manifests/latest`)
    expect(headers).toMatchObject({
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
      'docker-content-digest': digestOf(body),
      'docker-distribution-api-version': 'registry/2.0',
    })
    expect((await get(`/v2/${line}/manifests/${digestOf(body)}`)).body.equals(body)).toBe(true)
    // oras asks so, to learn a tag's digest.
    const accept =
      'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'
    const known = await get(`/v2/${line}/manifests/latest`, { method: 'HEAD', headers: { accept } })
    expect(known).toMatchObject({
      status: 200,
      headers: { 'docker-content-digest': digestOf(body), 'content-length': String(body.length) },
    })
    const { config, layers } = JSON.parse(body.toString()) as Manifest
    for (const { digest, size } of [config, ...layers]) {
      const blob = await get(`/v2/${line}/blobs/${digest}`)
      expect({ digest: digestOf(blob.body), size: blob.body.length }).toEqual({ digest, size })
      const head = await get(`/v2/${line}/blobs/${digest}`, { method: 'HEAD' })
      expect(head).toMatchObject({ status: 200, headers: { 'content-length': String(size) } })
      expect(head.body).toHaveLength(0)
    }
    expect(layers.map(({ mediaType }) => mediaType)).toEqual(['application/octet-stream+zstd'])
  })

  test('comes in ranges, and not again to whoever has it', async () => {
    const path = `/images/${second}/rootfs`
    const { headers } = await get(path, { method: 'HEAD' })
    const etag = String(headers['etag'])
    expect(etag).toBe(`"${digestOf(disk)}"`)
    const middle = await get(path, { headers: { range: 'bytes=299990-1000009' } })
    expect(middle).toMatchObject({ status: 206 })
    expect(middle.headers['content-range']).toBe(`bytes 299990-1000009/${disk.length}`)
    expect(middle.body.equals(disk.subarray(299_990, 1_000_010))).toBe(true)
    const last = await get(path, { headers: { range: 'bytes=-77' } })
    expect(last.body.equals(disk.subarray(-77))).toBe(true)
    expect((await get(path, { headers: { range: `bytes=${disk.length}-` } })).status).toBe(416)
    expect((await get(path, { headers: { 'if-none-match': etag } })).status).toBe(304)
    const stale = { range: 'bytes=0-9', 'if-range': '"another"' }
    expect((await get(path, { headers: stale })).status).toBe(200)
    const fresh = { range: 'bytes=0-9', 'if-range': etag }
    expect((await get(path, { headers: fresh })).status).toBe(206)
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('cannot be changed by %s', async (method) => {
    const answer = await get(`/v2/${line}/blobs/uploads/`, {
      method,
      body: 'x',
      headers: { 'content-length': '1' },
    })
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    expect(answer.body.toString()).toContain('"code":"UNSUPPORTED"')
  })

  const zeros = '0'.repeat(64)
  test.each([
    ['/', 404, ''],
    ['/images/', 404, ''],
    ['/images/debian-13.0-std-x86-20200101/rootfs', 404, ''],
    ['/images/../../etc/passwd', 404, ''],
    ['/%2e%2e/etc/passwd', 404, ''],
    ['/streams/v1/%00', 404, ''],
    ['//streams/v1/index.json', 404, ''],
    ['/v2/none/tags/list', 404, 'NAME_UNKNOWN'],
    ['/v2/lab1/debian-13-std-x86/tags/list', 404, 'NAME_UNKNOWN'],
    ['/v2/debian-13-hypervisor-x86/tags/list', 404, 'NAME_UNKNOWN'],
    [`/v2/${line}/manifests/none`, 404, 'MANIFEST_UNKNOWN'],
    [`/v2/${line}/manifests/sha256:${zeros}`, 404, 'MANIFEST_UNKNOWN'],
    [`/v2/${line}/blobs/sha256:${zeros}`, 404, 'BLOB_UNKNOWN'],
    [`/v2/${line}/blobs/md5:1`, 400, 'DIGEST_INVALID'],
    [`/v2/${line}/tags/list?n=x`, 400, 'PAGINATION_NUMBER_INVALID'],
    [`/v2/${line}/tags/__proto__`, 404, ''],
    ['/v2/__proto__/tags/list', 404, 'NAME_UNKNOWN'],
  ])('is not found under %s: %d %s', async (path, status, code) => {
    const answer = await get(path)
    expect(answer.status).toBe(status)
    expect(answer.body.toString()).toContain(code)
    if (code === '') expect(answer.body).toHaveLength(0)
  })

  storyWith('skopeo', ['skopeo'])('to skopeo', () => {
    // The portal is in this process: it answers while skopeo works.
    const skopeo = async (...args: readonly string[]) => {
      const env = { ...process.env, HOME: folder.path }
      return (await run('skopeo', args, { env, timeout: 20_000 })).stdout
    }
    const at = (tag: string) => `docker://${portal.offered}/${line}:${tag}`

    test('is an image that it inspects', async () => {
      const said = JSON.parse(await skopeo('inspect', '--tls-verify=false', at('latest'))) as object
      expect(said).toMatchObject({ Architecture: 'amd64', Os: 'linux' })
      expect(said).toMatchObject({ RepoTags: expect.arrayContaining(['golden', 'latest']) })
    })

    test.each(['dir', 'oci'])('is an image that it copies to %s:, whole', async (kind) => {
      const path = join(folder.path, kind)
      const to = kind === 'oci' ? `oci:${path}:it` : `dir:${path}`
      await skopeo('copy', '-q', '--src-tls-verify=false', at('latest'), to)
      const { layers } = await manifestAt('latest')
      const hex = (layers[0]?.digest ?? '').slice('sha256:'.length)
      const blob = kind === 'oci' ? join(path, 'blobs/sha256', hex) : join(path, hex)
      const unpacked = join(folder.path, `${kind}.raw`)
      execFileSync('zstd', ['-q', '-d', blob, '-o', unpacked])
      expect((await readFile(unpacked)).equals(disk)).toBe(true)
    })

    test('takes nothing from it', async () => {
      const from = `dir:${join(folder.path, 'dir')}`
      const pushed = skopeo('copy', '-q', '--dest-tls-verify=false', from, at('mine'))
      await expect(pushed).rejects.toThrow()
    })
  })
})
