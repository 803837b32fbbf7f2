import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { openOrigin } from '../../../agent/import/open.ts'
import type { Item, OriginDeps } from '../../../agent/import/origin.ts'
import type { Place } from '../../../lib/sources/place.ts'
import { originContract, type Scene } from '../../contracts/origins.ts'
import { startStorage } from '../../support/forge.ts'
import { type Gitlab, startGitlab } from '../../support/gitlab.ts'
import { bytesOf, credentialFor, importDeps, named, never } from '../../support/importing.ts'
import { zipOf } from '../../support/zipfile.ts'

const project = 'group/project'
const packages = (url: string): Place => ({
  ...{ kind: 'gitlab-packages', url, project, package: 'debian' },
})
const artifacts = (url: string): Place => ({
  ...{ kind: 'gitlab-artifacts', url, project, ref: 'main', job: 'build image' },
})

const deps = (at: string, token = 'glpat-secret'): Partial<OriginDeps> => ({
  credentials: credentialFor(at, { kind: 'header', name: 'PRIVATE-TOKEN', value: token }),
})

async function itemsAt(place: Place, others: Partial<OriginDeps>): Promise<readonly Item[]> {
  await using origin = await openOrigin(place, importDeps(others))
  return await origin.items(never)
}

const job = (id: number, archive?: Buffer, status = 'success') => ({
  ...{ id, name: 'build image', status },
  ...(archive === undefined ? {} : { archive }),
})

const pipeline = (id: number, ...jobs: Gitlab['state']['pipelines'][number]['jobs']) => ({
  ...{ id, ref: 'main', status: 'success', jobs },
})

async function packagesScene(): Promise<Scene> {
  const gitlab = await startGitlab()
  let next = 1
  const offer = (files: readonly (readonly [string, Buffer])[]): Promise<void> => {
    const offered = files.map(([name, bytes]) => ({ id: next++, name, bytes }))
    gitlab.state.packages = [{ id: 5, name: 'debian', version: '13.1', files: offered }]
    return Promise.resolve()
  }
  let last: Buffer = Buffer.alloc(0)
  return {
    ...{ endpoint: gitlab.endpoint, name: '13.1/disk.qcow2', place: packages, deps },
    offer: (bytes) => offer([['disk.qcow2', (last = bytes)]]),
    withdraw: () => Promise.resolve(void (gitlab.state.packages = [])),
    offerNamed: (names) =>
      offer([['disk.qcow2', last], ...names.map((name) => [name, last] as const)]),
    isFile: ({ path }) => path.includes('/generic/'),
    [Symbol.asyncDispose]: () => gitlab[Symbol.asyncDispose](),
  }
}

async function artifactsScene(): Promise<Scene> {
  const gitlab = await startGitlab()
  let id = 1
  let last: Buffer = Buffer.alloc(0)
  const offer = (names: readonly string[]): Promise<void> => {
    const archive = zipOf(names.map((name) => ({ name, bytes: last })))
    gitlab.state.pipelines = [pipeline(7, job(id++, archive))]
    return Promise.resolve()
  }
  return {
    ...{ endpoint: gitlab.endpoint, name: 'out/disk.qcow2', place: artifacts, deps },
    offer(bytes) {
      last = bytes
      return offer(['out/disk.qcow2'])
    },
    withdraw: () => Promise.resolve(void (gitlab.state.pipelines = [])),
    offerNamed: (names) => offer(['out/disk.qcow2', ...names]),
    isFile: ({ path }) => path.endsWith('/artifacts'),
    [Symbol.asyncDispose]: () => gitlab[Symbol.asyncDispose](),
  }
}

describe("GitLab's generic packages", () => {
  originContract(packagesScene)

  test('are those of this name, in all pages, the last of files that were sent twice', async () => {
    await using gitlab = await startGitlab()
    const file = (id: number, name: string, text: string) => ({
      id,
      name,
      bytes: Buffer.from(text),
    })
    const versions = Array.from({ length: 7 }, (_, at) => ({
      ...{ id: at, name: 'debian', version: `13.${at}` },
      files: [
        file(at * 10, 'a', 'old'),
        file(at * 10 + 1, 'b', 'b'),
        file(at * 10 + 2, 'a', 'new'),
      ],
    }))
    const others = ['debian-tools', 'my-debian'].map((name, at) => ({
      ...{ id: 100 + at, name, version: '1', files: [file(1000 + at, 'x', 'x')] },
    }))
    const hidden = { id: 200, name: 'debian', version: '99', status: 'error', files: [] }
    gitlab.state.packages = [...versions, ...others, hidden]
    await using origin = await openOrigin(
      packages(gitlab.endpoint),
      importDeps(deps(gitlab.endpoint)),
    )
    const items = await origin.items(never)
    const names = versions.flatMap(({ version }) => [`${version}/a`, `${version}/b`])
    expect(items.map(({ name }) => name).sort()).toEqual(names.sort())
    expect(items[0]).toMatchObject({ fields: { package: 'debian', version: '13.6', file: 'a' } })
    expect((await bytesOf(origin, items[0])).toString()).toBe('new')
  })

  test('with another checksum than the list says do not come to their end', async () => {
    await using gitlab = await startGitlab()
    const files = [{ id: 1, name: 'a', bytes: Buffer.from('a'), sha256: '0'.repeat(64) }]
    gitlab.state.packages = [{ id: 1, name: 'debian', version: '1', files }]
    await using origin = await openOrigin(
      packages(gitlab.endpoint),
      importDeps(deps(gitlab.endpoint)),
    )
    const reading = bytesOf(origin, await named(origin, '1/a'))
    await expect(reading).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
  })
})

describe("GitLab's job artifacts", () => {
  originContract(artifactsScene)

  test('are those of the last pipeline that succeeded and has the job', async () => {
    await using gitlab = await startGitlab()
    const good = zipOf([
      { name: 'out/', bytes: Buffer.alloc(0) },
      { name: 'out/a.raw', bytes: Buffer.alloc(100_000), deflated: true },
      { name: 'out/link', bytes: Buffer.from('/etc/shadow'), mode: 0o120777 },
    ])
    const others = zipOf([{ name: 'other', bytes: Buffer.from('x') }])
    gitlab.state.pipelines = [
      pipeline(1, job(10, others)),
      pipeline(2, job(20, good)),
      pipeline(3, job(30), { id: 31, name: 'lint', status: 'success', archive: others }),
      pipeline(4, { ...job(40, others), expired: true }),
      { ...pipeline(5, job(50, others)), status: 'failed' },
      { ...pipeline(6, job(60, others)), ref: 'fork' },
      pipeline(7, { id: 70, name: 'lint', status: 'success', archive: others }),
    ]
    await using origin = await openOrigin(
      artifacts(gitlab.endpoint),
      importDeps(deps(gitlab.endpoint)),
    )
    const items = await origin.items(never)
    expect(items).toMatchObject([
      {
        ...{ name: 'out/a.raw', sizeBytes: 100_000n },
        fields: { ref: 'main', job: 'build image', job_id: '20', pipeline: '2', file: 'out/a.raw' },
      },
    ])
    expect((await bytesOf(origin, items[0])).equals(Buffer.alloc(100_000))).toBe(true)
  })

  test('are listed without moving what is in them', async () => {
    await using gitlab = await startGitlab()
    const archive = zipOf([{ name: 'disk', bytes: randomBytes(8_000_000) }])
    gitlab.state.pipelines = [pipeline(1, job(1, archive))]
    expect(await itemsAt(artifacts(gitlab.endpoint), deps(gitlab.endpoint))).toHaveLength(1)
    expect(gitlab.sentBytes()).toBeLessThan(600_000)
  })

  test.each([
    ['that is no zip', Buffer.from('x'.repeat(5000)), 'ITEM_CORRUPT'],
    ['that is empty', Buffer.from('x'), 'ITEM_CORRUPT'],
  ])('in an archive %s are told', async (_, archive, reason) => {
    await using gitlab = await startGitlab()
    gitlab.state.pipelines = [pipeline(1, job(1, archive))]
    const looking = itemsAt(artifacts(gitlab.endpoint), deps(gitlab.endpoint))
    await expect(looking).rejects.toMatchObject({ reason })
  })

  const zeros = Buffer.alloc(1_000_000)
  test.each([
    ['has another CRC', { says: { crc: 1 } }, 'ITEM_CORRUPT'],
    ['unpacks to more than it says', { deflated: true, says: { size: 1000 } }, 'ITEM_CORRUPT'],
    ['unpacks to less than it says', { deflated: true, says: { size: 2_000_000 } }, 'ITEM_CORRUPT'],
    ['is encrypted', { deflated: true, says: { flag: 1 } }, 'SOURCE_UNREADABLE'],
  ])('of which one %s do not come to their end', async (_, how, reason) => {
    await using gitlab = await startGitlab()
    const archive = zipOf([{ name: 'disk', bytes: zeros, ...how }])
    gitlab.state.pipelines = [pipeline(1, job(1, archive))]
    await using origin = await openOrigin(
      artifacts(gitlab.endpoint),
      importDeps(deps(gitlab.endpoint)),
    )
    await expect(bytesOf(origin, await named(origin, 'disk'))).rejects.toMatchObject({ reason })
  })

  test('that nobody left are told', async () => {
    await using gitlab = await startGitlab()
    await expect(itemsAt(artifacts(gitlab.endpoint), deps(gitlab.endpoint))).rejects.toMatchObject({
      reason: 'SOURCE_GONE',
      message: expect.stringContaining('No pipeline of main of group/project has artifacts'),
    })
  })
})

describe("GitLab's token", () => {
  test('goes to GitLab, and not to where it sends for the bytes', async () => {
    const bytes = randomBytes(50_000)
    const archive = zipOf([{ name: 'disk', bytes }])
    await using gitlab = await startGitlab()
    const files = [{ id: 1, name: 'disk', bytes }]
    gitlab.state.packages = [{ id: 1, name: 'debian', version: '1', files }]
    gitlab.state.pipelines = [pipeline(1, job(1, archive))]
    for (const [place, name, kept] of [
      [packages(gitlab.endpoint), '1/disk', bytes],
      [artifacts(gitlab.endpoint), 'disk', archive],
    ] as const) {
      await using storage = await startStorage(() => kept)
      gitlab.state.storage = `${storage.endpoint}/x?signature=good`
      await using origin = await openOrigin(place, importDeps(deps(gitlab.endpoint)))
      expect((await bytesOf(origin, await named(origin, name))).equals(bytes)).toBe(true)
    }
  })

  test.each([
    ['missing', undefined, 'SOURCE_GONE'],
    ['wrong', 'glpat-guessed', 'SOURCE_REFUSES'],
  ])('that is %s is told, and never shown', async (_, token, reason) => {
    await using gitlab = await startGitlab()
    const given = token === undefined ? {} : deps(gitlab.endpoint, token)
    const told = await itemsAt(packages(gitlab.endpoint), given).catch((error: unknown) => error)
    expect(told).toMatchObject({ reason, message: expect.stringContaining('credentials') })
    expect(JSON.stringify(told) + String(told)).not.toContain('glpat-')
  })

  test.each([
    [{ 'retry-after': '3600' }],
    [{ 'ratelimit-remaining': '0', 'ratelimit-reset': '1795871000' }],
  ])('that asks too often is told until when, and does not ask on: %j', async (headers) => {
    await using gitlab = await startGitlab()
    gitlab.state.down = { kind: 'status', status: 429, headers }
    const looking = itemsAt(packages(gitlab.endpoint), deps(gitlab.endpoint))
    await expect(looking).rejects.toMatchObject({
      reason: 'NOT_READY',
      message: expect.stringMatching(/until 2026-11-28T13:\d\d/),
    })
    expect(gitlab.asked).toHaveLength(1)
  })
})
