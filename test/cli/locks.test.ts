import { stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { restate } from '../support/images.ts'
import { experiments, type Experiment, type Experiments } from './experiment.ts'

let all: Experiments
let one: Experiment

beforeAll(async () => {
  all = await experiments()
})

afterAll(() => all[Symbol.asyncDispose]())

beforeEach(async () => {
  one = await all.begin()
})

describe('a lock file', () => {
  let older: string

  beforeEach(async () => {
    older = await all.publish('fedora-43')
    await one.model({ a: 'fedora-43', b: older, c: 'ubuntu' })
    expect(await one.mrg('lock', 'model.json')).toMatchObject({ exit: 0 })
  })

  test('is usable while its images are', async () => {
    const { exit, out } = await one.mrg('verify', 'lock')
    expect(exit).toBe(0)
    expect(out).toContain(`a     ${older}`)
    expect(out).toContain('can be used: all images of its 3 nodes are there.')
  })

  test('is not usable when an image is revoked, and says what to use', async () => {
    const newer = await all.publish('fedora-43')
    await restate(all.sql, older, { state: 'revoked', replacement: newer })
    const { exit, out } = await one.mrg('verify', 'lock', 'images.lock')
    expect(exit).toBe(1)
    expect(out).toContain(
      `revoked  ${older} is revoked and must not be used: use ${newer} instead.`,
    )
    expect(out).toContain('2 of 3 nodes would not get their images.')
    const asJson = await one.mrg('verify', 'lock', '--json')
    expect(asJson.exit).toBe(1)
    expect(JSON.parse(asJson.out)).toMatchObject({
      usable: false,
      nodes: [{ state: 'revoked', replacement: newer }, { state: 'revoked' }, { state: 'good' }],
    })
  })

  test('is upgraded on request only', async () => {
    const newer = await all.publish('fedora-43')
    const [text, before] = [await one.read(), await all.locks()]
    const proposed = await one.mrg('upgrade', 'lock')
    expect(proposed.exit).toBe(0)
    expect(proposed.out).toContain(`a     ${older}`)
    expect(proposed.out).toMatch(new RegExp(`^a .* ${newer}$`, 'm'))
    expect(proposed.out).toMatch(/^b .* the same$/m)
    expect(proposed.out).toContain(
      '1 node would get another image; `mrg-image upgrade lock --write`',
    )
    expect([await one.read(), await all.locks()]).toEqual([text, before])

    const written = await one.mrg('upgrade', 'lock', '--write')
    expect(written.out).toMatch(new RegExp(`^a .* ${newer}$`, 'm'))
    expect(await one.pinned()).toEqual({ a: newer, b: older, c: all.ubuntu })
    expect(await all.locks()).toBe(before + 1)
    expect(await one.files()).toEqual(['images.lock', 'model.json'])
  })

  test('that was upgraded says how to let go of what it held, or does', async () => {
    const idOf = async () => (JSON.parse(await one.read()) as { lock: string }).lock
    const held = async (lock: string) => (await one.mrg('list', 'holds', '--lock', lock)).out
    const first = await idOf()
    await all.publish('fedora-43')
    const told = await one.mrg('upgrade', 'lock', '--write')
    expect(told.out).toContain(`\`mrg-image release hold --lock ${first}\` lets go of them.`)
    expect(await held(first)).toContain(older)
    const second = await idOf()
    await all.publish('fedora-43')
    const { out } = await one.mrg('upgrade', 'lock', '--write', '--release-old')
    expect(out).toMatch(/is the lock \w+ now\. 3 holds are released\.$/)
    expect(await held(second)).toBe('No holds.')
    expect(await held(first)).toContain(older)
    const forced = await one.mrg('lock', 'model.json', '--force')
    expect(forced.err).toMatch(/The lock \w+ still holds its images/)
  })

  test('that pins the newest already stays as it is', async () => {
    const [text, before] = [await one.read(), await all.locks()]
    const { exit, out } = await one.mrg('upgrade', 'lock', '--write')
    expect(exit).toBe(0)
    expect(out).toContain('pins the newest already, and stays as it is.')
    expect([await one.read(), await all.locks()]).toEqual([text, before])
  })

  test('of a reference that means nothing now stays as it is', async () => {
    const newer = await all.publish('fedora-43')
    await restate(all.sql, older, { state: 'revoked', replacement: newer })
    const [text, before] = [await one.read(), await all.locks()]
    const { exit, out } = await one.mrg('upgrade', 'lock', '--write')
    expect(exit).toBe(1)
    expect(out).toMatch(/^b .* is revoked; use /m)
    expect(out).toContain('stays as it is, for 1 node has no image now: write another reference')
    expect([await one.read(), await all.locks()]).toEqual([text, before])
  })

  test('that is a link is replaced where it lies', async () => {
    const newer = await all.publish('fedora-43')
    await symlink('images.lock', join(one.folder, 'link.lock'))
    await one.mrg('upgrade', 'lock', 'link.lock', '--write')
    expect(await one.pinned()).toMatchObject({ a: newer })
    expect((await stat(join(one.folder, 'link.lock'))).size).toBe((await one.read()).length)
    expect(await one.files()).toEqual(['images.lock', 'link.lock', 'model.json'])
  })

  test.each([
    ['is cut off', (text: string) => text.slice(0, 200), /is not JSON, or was cut off: /],
    ['is empty', () => '', /images\.lock is empty/],
    ['is a model', () => '{"nodes": {"a": "debian"}}', /is no lock, for it has no version/],
    [
      'is of another version',
      (text: string) => text.replace('1', '2'),
      /is a lock of version 2, and this tool reads version 1/,
    ],
    ['has no nodes', () => '{"version": 1, "lock": "x", "nodes": []}', /has no nodes/],
    ['has lost its nodes', () => '{"version": 1, "lock": "x"}', /: nodes is no list/],
    [
      'has lost a line',
      (text: string) => text.replace(/.*"image".*\n/, ''),
      /: nodes\[0\]\.image is missing/,
    ],
    [
      'has a number for a digest',
      (text: string) => text.replace(/"sha256:.*"/, '7'),
      /: nodes\[0\]\.digest is a number/,
    ],
    ['has lost its id', (text: string) => text.replace(/.*"lock".*\n/, ''), /: lock is missing/],
  ])('that %s is neither believed nor changed', async (_, spoil, message) => {
    const text = spoil(await one.read())
    await one.write('images.lock', text)
    for (const command of [
      ['verify', 'lock'],
      ['upgrade', 'lock', '--write'],
    ]) {
      const { exit, out, err } = await one.mrg(...command)
      expect({ exit, out }).toEqual({ exit: 1, out: '' })
      expect(err).toMatch(message)
      expect(err.split('\n')).toHaveLength(1)
    }
    expect(await one.read()).toBe(text)
  })

  test('that is not there is missed by name', async () => {
    const { exit, err } = await one.mrg('verify', 'lock', 'absent.lock')
    expect(exit).toBe(1)
    expect(err).toContain('absent.lock: there is no such file')
  })
})
