import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { stopped } from '../../lib/failure.ts'
import { noise } from '../support/chunks.ts'
import { startLine } from '../support/line.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>

beforeAll(async () => {
  portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
  await writeFile(join(portal.folder, 'disk.raw'), Buffer.alloc(700_000, 'merge '))
  await writeFile(join(portal.folder, 'empty.raw'), '')
})

afterAll(() => portal[Symbol.asyncDispose]())

const mrg = (...argv: readonly string[]) => mrgAt(portal.address, ...argv)

async function mrgAt(address: string, ...argv: readonly string[]) {
  const { host, out, err } = recordingHost(address)
  return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
}

const file = (name: string): string => join(portal.folder, name)
const uploads = () => portal.sql`select state from upload`

test('a file that is not there or is empty is refused before anything is begun', async () => {
  const absent = await mrg('publish', file('absent.raw'), '--as', 'debian-13')
  const empty = await mrg('publish', file('empty.raw'), '--as', 'debian-13')
  expect([absent.exit, empty.exit]).toEqual([1, 1])
  expect(absent.err).toContain('absent.raw')
  expect(empty.err).toContain('is empty')
  expect(await uploads()).toHaveLength(0)
})

test('publishing says the exact name, which other commands then find by a partial one', async () => {
  const said = ['--notes', 'June', '--labels', 'team=net, tier=gold']
  const published = await mrg('publish', file('disk.raw'), '--as', 'debian-13.1', ...said)
  expect(published).toMatchObject({ exit: 0, err: '' })
  expect(published.out).toMatch(/^debian-13\.1-std-x86-20260615 is published, and released\./)

  const shown = await mrg('show', 'trixie')
  expect(shown.err).toBe('trixie is debian-13.1-std-x86-20260615')
  expect(shown.out).toMatch(
    /State +released\nStorage +present\nPublished +.* by admin\nNotes +June\nLabels +team=net, tier=gold\n/,
  )
})

test('what the portal holds already is not sent again', async () => {
  const again = await mrg(
    'publish',
    file('disk.raw'),
    '--as',
    'debian-13.1',
    '--candidate',
    '--json',
  )
  expect(JSON.parse(again.out)).toMatchObject({
    image: { name: 'debian-13.1-std-x86-20260615.1', state: 'candidate' },
    totalBytes: 700_000,
    newRawBytes: 0,
    sentBytes: 0,
  })
})

test('a list is a table of every page, or one document', async () => {
  expect((await mrg('list')).out).toContain('debian-13.1-std-x86-20260615.1  candidate')
  const { out } = await mrg('list', '--state', 'released', '--json')
  expect(JSON.parse(out)).toMatchObject([{ name: 'debian-13.1-std-x86-20260615' }])
})

test('an alias is pointed at what a partial name means', async () => {
  const set = await mrg('set', 'alias', 'course', 'debian')
  expect(set.out).toBe('course is now debian-13.1-std-x86-20260615.')
  expect((await mrg('resolve', 'course')).out).toContain('Read as    alias')
})

test('pushing to a facility says how much of what it wants it holds', async () => {
  await mrg('new', 'facility', 'lab1')
  const { out } = await mrg('push', 'debian', 'lab1')
  expect(out).toContain('is wanted at lab1, which holds 0 of 1 images.')
  expect((await mrg('show', 'facility', 'lab1')).out).toContain('waiting')
})

test('giving up in the middle leaves nothing behind', async () => {
  const controller = new AbortController()
  const { host, err } = recordingHost(portal.address, controller.signal)
  const meter = () => ({
    show: () => {
      controller.abort(stopped('STOPPED', 'The process was asked to stop.'))
    },
    [Symbol.dispose]: () => undefined,
  })
  const argv = ['publish', file('disk.raw'), '--as', 'debian-12']
  expect(await main(mrgImage, argv, { ...host, meter })).toBe(1)
  expect(err).toEqual([
    'The upload was given up: nothing is published.',
    'mrg-image: The process was asked to stop.',
  ])
  expect(await uploads()).toContainEqual({ state: 'aborted' })
  expect((await mrg('list', '--release', '12')).out).toBe('No images.')
})

test('a connection that is cut once does not stop it', async () => {
  await writeFile(file('noise.raw'), noise('publish', 8_000_000))
  await using line = await startLine(portal.address, { cuts: (before) => before === 40 })
  const published = await mrgAt(line.address, 'publish', file('noise.raw'), '--as', 'alma-9')
  expect(published.err).toBe('The connection to the portal was cut; sending what is missing.')
  expect(published.exit).toBe(0)
  expect(line.resets).toBe(1)
})
