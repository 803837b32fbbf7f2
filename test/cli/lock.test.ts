import { mkdir } from 'node:fs/promises'
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

const two = { web: 'ubuntu-2404', 'db 1': { image: 'debian-13', arch: 'arm64', cores: 4 } }

describe('lock', () => {
  test('writes the pins beside the model', async () => {
    await one.model(two)
    const { exit, out, err } = await one.mrg('lock', 'model.json', '--reason', 'CS 101')
    expect({ exit, err }).toEqual({ exit: 0, err: '' })
    expect(out).toBe(
      `${join(one.folder, 'images.lock')} pins 2 nodes.\n\n` +
        'Node  Reference    Arch   Image\n' +
        '----  ---------    ----   -----\n' +
        `db 1  debian-13    arm64  ${all.debian}\n` +
        `web   ubuntu-2404  -      ${all.ubuntu}`,
    )
    expect(await one.files()).toEqual(['images.lock', 'model.json'])
    expect(await one.pinned()).toEqual({ 'db 1': all.debian, web: all.ubuntu })
  })

  test('writes text whose every byte is settled', async () => {
    await one.model(two)
    await one.mrg('lock', 'model.json')
    const { lock, generation } = JSON.parse(await one.read()) as Record<string, string>
    expect(await one.read()).toBe(`{
  "version": 1,
  "lock": "${lock}",
  "generation": ${generation},
  "time": "2026-06-15T12:00:00.000Z",
  "nodes": [
    {
      "node": "db 1",
      "reference": "debian-13",
      "arch": "arm64",
      "image": "${all.debian}",
      "digest": "${await all.digestOf(all.debian)}"
    },
    {
      "node": "web",
      "reference": "ubuntu-2404",
      "arch": "",
      "image": "${all.ubuntu}",
      "digest": "${await all.digestOf(all.ubuntu)}"
    }
  ]
}
`)
  })

  test('of a list of nodes is the same as of an object', async () => {
    await one.write(
      'model.json',
      JSON.stringify({
        nodes: [
          { name: 'web', image: 'ubuntu-2404' },
          { node: 'db 1', reference: 'debian-13', arch: 'arm64', cores: 4 },
        ],
      }),
    )
    expect(await one.mrg('lock', 'model.json')).toMatchObject({ exit: 0 })
    expect(await one.pinned()).toEqual({ 'db 1': all.debian, web: all.ubuntu })
  })

  test('does not touch a lock that is there, nor make another, until it is forced', async () => {
    await one.model(two)
    await one.mrg('lock', 'model.json')
    const [text, before] = [await one.read(), await all.locks()]
    const again = await one.mrg('lock', 'model.json')
    expect(again).toMatchObject({ exit: 1, out: '' })
    expect(again.err).toMatch(/images\.lock is there already.*upgrade lock.*\n--force replaces it/)
    expect([await one.read(), await all.locks()]).toEqual([text, before])

    expect(await one.mrg('lock', 'model.json', '--force')).toMatchObject({ exit: 0 })
    expect(await one.read()).not.toBe(text)
    expect(await all.locks()).toBe(before + 1)
  })

  test('that is forced says how many pins it moved', async () => {
    await all.publish('alma-9')
    await one.model({ a: 'alma', b: 'ubuntu' })
    await one.mrg('lock', 'model.json')
    const newer = await all.publish('alma-9')
    await one.model({ a: 'alma', b: 'ubuntu', c: 'debian-13-aarch64' })
    const { out } = await one.mrg('lock', 'model.json', '--force')
    expect(out).toContain('images.lock pins 3 nodes; 1 of them had another image before.')
    expect(await one.pinned()).toEqual({ a: newer, b: all.ubuntu, c: all.debian })
  })

  test('writes where it is told, or prints the same', async () => {
    await one.model(two)
    await one.mrg('lock', 'model.json', '--output', 'pins.json')
    expect(await one.files()).toEqual(['model.json', 'pins.json'])
    const { out } = await one.mrg('lock', 'model.json', '--output', '-')
    const withoutHead = (text: string) => text.split('\n').slice(4).join('\n')
    expect(withoutHead(`${out}\n`)).toBe(withoutHead(await one.read('pins.json')))
    expect(await one.files()).toEqual(['model.json', 'pins.json'])
  })

  test('makes no lock where the file cannot be written', async () => {
    await one.model(two)
    const before = await all.locks()
    await mkdir(join(one.folder, 'images.lock'))
    const targets = [[], ['--force'], ['--output', 'absent/images.lock']]
    for (const target of targets) {
      const { exit, err } = await one.mrg('lock', 'model.json', ...target)
      expect(exit).toBe(1)
      expect(err).toMatch(/is a directory|its directory is not there/)
    }
    expect(await all.locks()).toBe(before)
  })

  test('that fails says which node, and writes nothing', async () => {
    await one.model({ a: 'ubuntu-2404', b: 'ubnutu-2404', c: 'debian-99' })
    const { exit, err } = await one.mrg('lock', 'model.json')
    expect(exit).toBe(1)
    expect(err).toMatch(/^mrg-image: Node "b": .*ubuntu.*; 1 other node fails too\./)
    expect(await one.files()).toEqual(['model.json'])
  })

  test('warns once of what many nodes share', async () => {
    const name = await all.publish('kali-2026')
    await restate(all.sql, name, { state: 'deprecated' })
    await one.model({ a: name, b: name, c: name, d: name, e: 'ubuntu' })
    const { err } = await one.mrg('lock', 'model.json')
    expect(err).toBe(`warning: ${name} is deprecated (a, b, c and 1 more)`)
  })

  test.each([
    ['no JSON', '{"nodes": {"a": "debian"', /is not JSON, or was cut off: /],
    ['nothing', ' \n', /model\.json is empty\.$/m],
    ['a list', '[]', /no model of an experiment, for it is a list: write \{"nodes"/],
    ['no nodes', '{"node": {}}', /no model of an experiment, for nodes is missing: write/],
    ['a text of nodes', '{"nodes": "a"}', /for nodes is a string: write/],
    ['nodes that are none', '{"nodes": {}}', /nodes is empty/],
    [
      'a number for a node',
      '{"nodes": {"a": 7}}',
      /: nodes\.a is a number, and a node is an object/,
    ],
    ['no image', '{"nodes": {"a b": {}}}', /: nodes\["a b"\]\.image is missing, and a reference/],
    ['null for an image', '{"nodes": {"a": {"image": null}}}', /: nodes\.a\.image is null/],
    [
      'a list for an arch',
      '{"nodes": {"a": {"image": "x", "arch": []}}}',
      /nodes\.a\.arch is a list/,
    ],
    ['no name', '{"nodes": [{"image": "debian"}]}', /: nodes\[0\]\.name is missing/],
    [
      'a name twice',
      '{"nodes": [{"name":"a","image":"x"},{"node":"a","image":"x"}]}',
      /: nodes\[1\] is called "a", as nodes\[0\] is/,
    ],
    [
      'two images',
      '{"nodes": [{"name":"a","image":"x","reference":"y"}]}',
      /: nodes\[0\] has both image and reference/,
    ],
    [
      'too many nodes',
      JSON.stringify({
        nodes: Array.from({ length: 10_001 }, (_, i) => ({ name: `n${i}`, image: 'x' })),
      }),
      /: nodes has 10001 nodes, and a lock has 10000 at most/,
    ],
    ['a merge', '{\n<<<<<<< HEAD\n', /has an unresolved merge in line 2/],
  ])('of a model that holds %s says where', async (_, text, message) => {
    const before = await all.locks()
    await one.write('model.json', text)
    const { exit, err } = await one.mrg('lock', 'model.json')
    expect(exit).toBe(1)
    expect(err).toMatch(message)
    expect(await one.files()).toEqual(['model.json'])
    expect(await all.locks()).toBe(before)
  })

  test('of a model that is not there says so', async () => {
    const { exit, err } = await one.mrg('lock', 'model.json')
    expect(exit).toBe(1)
    expect(err).toContain(`cannot read ${join(one.folder, 'model.json')}: there is no such file`)
  })
})

describe('show lock', () => {
  test('shows who made it and what it pins', async () => {
    await one.model(two)
    await one.mrg('lock', 'model.json', '--reason', 'CS 101', '--link', 'https://example.org')
    const { lock } = JSON.parse(await one.read()) as { lock: string }
    const { out } = await one.mrg('show', 'lock', lock)
    expect(out).toMatch(/Made +2026-06-15 12:00:00 UTC by admin\nReason +CS 101\nLink +https/)
    expect(out).toContain(`web   ubuntu-2404  -      ${all.ubuntu}`)
    expect(JSON.parse((await one.mrg('show', 'lock', lock, '--json')).out)).toMatchObject({
      id: lock,
      nodes: [{ node: 'db 1' }, { node: 'web' }],
    })
  })

  test('writes the file again, byte for byte', async () => {
    await one.model(two)
    await one.mrg('lock', 'model.json')
    const { lock } = JSON.parse(await one.read()) as { lock: string }
    expect(await one.mrg('show', 'lock', lock, '--output', 'again')).toMatchObject({ exit: 0 })
    expect(await one.read('again')).toBe(await one.read())
    expect(`${(await one.mrg('show', 'lock', lock, '--output', '-')).out}\n`).toBe(await one.read())
    expect(await one.mrg('show', 'lock', lock, '--output', 'again')).toMatchObject({ exit: 1 })
  })

  test('of an id that there is not says where ids are', async () => {
    const { exit, err } = await one.mrg('show', 'lock', 'abc')
    expect(exit).toBe(1)
    expect(err).toContain('There is no lock "abc"')
  })
})
