import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { openOrigin } from '../../../agent/import/open.ts'
import type { Item, OriginDeps } from '../../../agent/import/origin.ts'
import type { Place } from '../../../lib/sources/place.ts'
import { originContract, type Scene } from '../../contracts/origins.ts'
import { startForge, startStorage } from '../../support/forge.ts'
import { type Github, startGithub } from '../../support/github.ts'
import { bytesOf, credentialFor, importDeps, named, never } from '../../support/importing.ts'
import { zipOf } from '../../support/zipfile.ts'

const repository = 'owner/repo'
const releases = (url: string): Place => ({ kind: 'github-releases', url, repository })
const artifacts = (url: string): Place => ({
  ...{ kind: 'github-artifacts', url, repository, branch: 'main' },
})

const deps = (at: string, token = 'github_pat_secret'): Partial<OriginDeps> => ({
  credentials: credentialFor(at, {
    ...{ kind: 'header', name: 'authorization', value: `Bearer ${token}` },
  }),
})

async function itemsAt(place: Place, others: Partial<OriginDeps>): Promise<readonly Item[]> {
  await using origin = await openOrigin(place, importDeps(others))
  return await origin.items(never)
}

const namesOf = (items: readonly Item[]): readonly string[] => items.map(({ name }) => name)

async function releasesScene(): Promise<Scene> {
  const github = await startGithub()
  let next = 1
  let last: Buffer = Buffer.alloc(0)
  const offer = (names: readonly string[]): Promise<void> => {
    const assets = names.map((name) => ({ id: next++, name, bytes: last }))
    github.state.releases = [{ id: 1, tag: 'v13.1', assets }]
    return Promise.resolve()
  }
  return {
    ...{ endpoint: github.endpoint, name: 'v13.1/disk.qcow2', place: releases, deps },
    offer(bytes) {
      last = bytes
      return offer(['disk.qcow2'])
    },
    withdraw: () => Promise.resolve(void (github.state.releases = [])),
    offerNamed: (names) => offer(['disk.qcow2', ...names]),
    isFile: ({ path }) => path.includes('/assets/'),
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  }
}

const artifact = (
  id: number,
  name: string,
  others: Partial<Github['state']['artifacts'][number]> = {},
) => ({
  ...{
    id,
    name,
    run: id,
    branch: 'main',
    archive: zipOf([{ name: 'a', bytes: Buffer.from(name) }]),
  },
  ...others,
})

async function artifactsScene(): Promise<Scene> {
  const github = await startGithub()
  let next = 1
  let last: Buffer = Buffer.alloc(0)
  const offer = (names: readonly string[]): Promise<void> => {
    const archive = zipOf(names.map((name) => ({ name, bytes: last })))
    github.state.artifacts = [artifact(next++, 'image', { archive })]
    return Promise.resolve()
  }
  return {
    ...{ endpoint: github.endpoint, name: 'image/disk.qcow2', place: artifacts, deps },
    offer(bytes) {
      last = bytes
      return offer(['disk.qcow2'])
    },
    withdraw: () => Promise.resolve(void (github.state.artifacts = [])),
    offerNamed: (names) => offer(['disk.qcow2', ...names]),
    isFile: ({ path }) => path.endsWith('/zip'),
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  }
}

describe("GitHub's releases", () => {
  originContract(releasesScene)

  test('are listed in all pages, without drafts and what is not uploaded', async () => {
    await using github = await startGithub()
    const asset = (id: number, others = {}) => ({
      id,
      name: 'disk',
      bytes: Buffer.from('a'),
      ...others,
    })
    github.state.releases = [
      { id: 9, tag: 'next', draft: true, assets: [asset(9)] },
      ...Array.from({ length: 5 }, (_, at) => ({ id: at, tag: `v${at}`, assets: [asset(at)] })),
      {
        id: 7,
        tag: 'rc',
        prerelease: true,
        assets: [asset(70), asset(71, { name: 'x', state: 'starter' })],
      },
    ]
    const items = await itemsAt(releases(github.endpoint), deps(github.endpoint))
    expect(namesOf(items)).toEqual([0, 1, 2, 3, 4].map((at) => `v${at}/disk`).concat('rc/disk'))
    expect(items[0]?.fields).toEqual({
      ...{ tag: 'v0', version: '0', file: 'disk', title: 'Release v0', prerelease: 'false' },
    })
    expect(items.at(-1)?.fields).toMatchObject({ prerelease: 'true' })
  })

  test('come without a digest, and not with a wrong one', async () => {
    await using github = await startGithub()
    const bytes = Buffer.from('a disk')
    const digests = [null, `sha256:${'0'.repeat(64)}`]
    const assets = digests.map((digest, id) => ({ id, name: `disk${id}`, bytes, digest }))
    github.state.releases = [{ id: 1, tag: 'v1', assets }]
    await using origin = await openOrigin(
      releases(github.endpoint),
      importDeps(deps(github.endpoint)),
    )
    expect(await bytesOf(origin, await named(origin, 'v1/disk0'))).toEqual(bytes)
    const reading = bytesOf(origin, await named(origin, 'v1/disk1'))
    await expect(reading).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
  })
})

describe("GitHub's artifacts", () => {
  originContract(artifactsScene)

  test('are the newest of each name that a run of ours left which succeeded', async () => {
    await using github = await startGithub()
    github.state.conclusions = { 5: 'failure' }
    github.state.artifacts = [
      artifact(1, 'image'),
      artifact(2, 'image'),
      artifact(3, 'image', { branch: 'other' }),
      artifact(4, 'image', { fork: true }),
      artifact(5, 'image'),
      artifact(6, 'image', { expired: true }),
      artifact(7, 'kernel'),
    ]
    await using origin = await openOrigin(
      artifacts(github.endpoint),
      importDeps(deps(github.endpoint)),
    )
    const items = await origin.items(never)
    expect(namesOf(items).toSorted()).toEqual(['image/a', 'kernel/a'])
    const image = items.find(({ name }) => name === 'image/a')
    expect(image?.fields).toMatchObject({ artifact: 'image', branch: 'main', run: '2', file: 'a' })
    expect((await bytesOf(origin, image)).toString()).toBe('image')
  })

  test('are listed without moving what is in them', async () => {
    await using github = await startGithub()
    const archive = zipOf([{ name: 'disk', bytes: randomBytes(8_000_000) }])
    github.state.artifacts = [artifact(1, 'image', { archive })]
    await itemsAt(artifacts(github.endpoint), deps(github.endpoint))
    expect(github.sentBytes()).toBeLessThan(600_000)
  })
})

describe("GitHub's token", () => {
  test('goes to GitHub, and not to where it sends for the bytes', async () => {
    const bytes = randomBytes(50_000)
    const archive = zipOf([{ name: 'disk', bytes }])
    await using github = await startGithub()
    github.state.releases = [{ id: 1, tag: 'v1', assets: [{ id: 1, name: 'disk', bytes }] }]
    github.state.artifacts = [artifact(1, 'image', { archive })]
    for (const [place, name, kept] of [
      [releases(github.endpoint), 'v1/disk', bytes],
      [artifacts(github.endpoint), 'image/disk', archive],
    ] as const) {
      await using storage = await startStorage(() => kept)
      github.state.storage = `${storage.endpoint}/x?signature=good`
      // Not even where the owner of the agent has a credential for that storage: GitHub chose to go there.
      const { credentials = () => undefined } = deps(github.endpoint)
      const both: OriginDeps['credentials'] = (url) =>
        credentials(url) ?? { kind: 'header', name: 'authorization', value: 'for others' }
      await using origin = await openOrigin(place, importDeps({ credentials: both }))
      expect((await bytesOf(origin, await named(origin, name))).equals(bytes)).toBe(true)
    }
  })

  test('does not go to a next page that is elsewhere', async () => {
    let seen = 0
    await using elsewhere = await startForge(() => {
      seen++
      return { kind: 'list', list: [] }
    })
    await using forge = await startForge(() => ({
      ...{ kind: 'status', status: 200, body: '[]' },
      headers: { link: `<${elsewhere.endpoint}/x>; rel="next"` },
    }))
    await expect(itemsAt(releases(forge.endpoint), deps(forge.endpoint))).rejects.toMatchObject({
      reason: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('next page elsewhere'),
    })
    expect(seen).toBe(0)
  })

  test.each([
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1795871000' }],
    [429, { 'retry-after': '3800' }],
  ])('that asks too often is told until when, and does not ask on: %d', async (status, headers) => {
    await using github = await startGithub()
    github.state.down = { kind: 'status', status, headers }
    await expect(itemsAt(releases(github.endpoint), deps(github.endpoint))).rejects.toMatchObject({
      reason: 'NOT_READY',
      message: expect.stringMatching(/until 2026-11-28T13:\d\d/),
    })
    expect(github.asked).toHaveLength(1)
  })

  test('that may not is told, and never shown', async () => {
    await using github = await startGithub()
    const looking = itemsAt(releases(github.endpoint), deps(github.endpoint, 'github_pat_guessed'))
    const told = await looking.catch((error: unknown) => error)
    expect(told).toMatchObject({ reason: 'SOURCE_REFUSES' })
    expect(JSON.stringify(told) + String(told)).not.toContain('guessed')
  })
})
