import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { agentSettings } from '../../agent/settings.ts'
import { readSettings } from '../../lib/settings.ts'
import { BuilderKind } from '../../proto/gen/merge/image/v1/recipe.ts'
import { freshAgent, pull, type FreshAgent } from '../support/agent.ts'
import { claim, fail, putRecipe, run } from '../support/builds.ts'
import { collect, noise } from '../support/chunks.ts'
import { until } from '../support/daemon.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { figuresAt } from '../support/figures.ts'
import { temporaryFolder } from '../support/folder.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { securedPortal } from '../support/secured.ts'
import { flip } from '../support/shelf.ts'

// What an operator sees of a portal and an agent while images move.

const metrics = ['--metrics', '0']

describe('figures', () => {
  const stack = new AsyncDisposableStack()
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let lab: FreshAgent
  let image: string

  const atPortal = () => figuresAt(portal.metrics)
  const atLab = () => figuresAt(lab.agent.metrics)

  beforeAll(async () => {
    portal = stack.use(await freshPortal(undefined, undefined, metrics))
    await makeFacilities(portal.as('admin'), 'lab1')
    lab = stack.use(await freshAgent(portal, 'lab1', { flags: metrics }))
  }, 60_000)

  afterAll(() => stack.disposeAsync())

  test('are told at the loopback only, unless somewhere else is said, and nowhere unless it is', async () => {
    expect(portal.metrics).toMatch(/^127\.0\.0\.1:\d+$/)
    const flags = ['--data', '/nowhere', '--metrics']
    const read = (...more: readonly string[]) =>
      readSettings(agentSettings, [...flags, ...more], {}, 'TEST').metrics
    expect(read('9418')).toBe('127.0.0.1:9418')
    expect(read('[::]:9418')).toBe('[::]:9418')
    expect(() => read('here')).toThrow(/must be a port/)
    await using silent = await freshPortal()
    expect(silent.metrics).toBe('')
  })

  test('move when an image is published and pulled', async () => {
    const before = await atPortal()
    expect(before).toMatchObject({ 'packs{store="main"}': 0, served_bytes_total: 0 })
    expect(await atLab()).toMatchObject({
      'images{state="present"}': 0,
      'fetched_bytes_total{origin="portal"}': 0,
    })
    image = await publish(portal.as('producer'), 'debian-12', noise('figures', 2_000_000))
    await pull(lab, image)
    const [there, here] = [await atPortal(), await atLab()]
    expect(there).toMatchObject({
      'images{state="released",storage="present"}': 1,
      'packs{store="main"}': 1,
      'damaged_chunks{store="main"}': 0,
      'reading_failed{of="database"}': 0,
      'reading_failed{of="stores"}': 0,
      'reading_failed{of="place"}': 0,
    })
    expect(here).toMatchObject({
      'images{state="present"}': 1,
      'transfers{state="present"}': 1,
      'transfers{state="failed"}': 0,
      'fetched_bytes_total{origin="peer"}': 0,
    })
    const came = here['fetched_bytes_total{origin="portal"}'] ?? 0
    expect(came).toBeGreaterThan(1_900_000)
    expect(there['served_bytes_total']).toBe(came)
    expect(there['stored_bytes{store="main"}']).toBeGreaterThanOrEqual(came)
    expect(here['stored_bytes{store="main"}']).toBeGreaterThanOrEqual(came)
    expect(here['disk_free_bytes']).toBeGreaterThan(0)
    expect(here['disk_size_bytes']).toBeGreaterThan(here['disk_free_bytes'] ?? 0)
  }, 60_000)

  test('tell what calls came to, and how long those took that are no streams', async () => {
    await expect(
      portal.as('admin').images.getImage({ name: 'debian-12.0-std-x86-20200101' }),
    ).rejects.toThrow()
    const there = await atPortal()
    const method = '/merge.image.v1.ImageService/GetImage'
    expect(there[`calls_total{method="${method}",code="NOT_FOUND"}`]).toBe(1)
    expect(there[`call_seconds_count{method="${method}"}`]).toBeGreaterThanOrEqual(1)
    const stream = '/merge.image.v1.ChunkService/FetchChunks'
    expect(there[`calls_total{method="${stream}",code="OK"}`]).toBeGreaterThanOrEqual(1)
    expect(there).not.toHaveProperty(`call_seconds_count{method="${stream}"}`)
    const pulls = '/merge.image.v1.LocalService/Pull'
    expect((await atLab())[`calls_total{method="${pulls}",code="OK"}`]).toBe(1)
  })

  test('tell that a facility lags, and since when it was not heard', async () => {
    const caughtUp = async () => {
      const told = await atPortal()
      const { [`facility_desired_generation{facility="lab1"}`]: desired } = told
      return (desired ?? 0) > 0 && told['facility_applied_generation{facility="lab1"}'] === desired
    }
    const second = await publish(portal.as('producer'), 'debian-13', noise('second', 500_000))
    await push(portal.as('admin'), 'lab1', second)
    await until('the facility to catch up', caughtUp)
    const here = await atLab()
    expect(here['applied_generation']).toBe(here['desired_generation'])
    expect(here['portal_silence_seconds']).toBeLessThan(60)
    const heard = (await atPortal())['facility_report_timestamp_seconds{facility="lab1"}'] ?? 0
    expect(Math.abs(Date.now() / 1000 - heard)).toBeLessThan(60)
    await makeFacilities(portal.as('admin'), 'lab2')
    await push(portal.as('admin'), 'lab2', second)
    const told = await atPortal()
    expect(told['facility_desired_generation{facility="lab2"}']).toBeGreaterThan(0)
    expect(told['facility_applied_generation{facility="lab2"}']).toBe(0)
    expect(told).not.toHaveProperty('facility_report_timestamp_seconds{facility="lab2"}')
  }, 60_000)

  test('tell of damage that a scrub found, and that it was repaired', async () => {
    const packs = join(lab.data, 'chunks/packs')
    const [pack = ''] = await readdir(packs)
    await flip(join(packs, pack), 100)
    await collect(lab.integrity.scrub({}))
    expect(await atLab()).toMatchObject({
      'scrub_found_chunks{store="main"}': 1,
      'scrub_repaired_chunks{store="main"}': 1,
      'damaged_chunks{store="main"}': 0,
    })
    const ended = (await atLab())['scrub_end_timestamp_seconds{store="main"}'] ?? 0
    expect(Math.abs(Date.now() / 1000 - ended)).toBeLessThan(60)
  }, 60_000)

  test('tell of builds that wait, run and failed', async () => {
    const builder = portal.as('agent:portal')
    await putRecipe(portal.as('producer'), 'std')
    await run(portal.as('producer'), 'std')
    expect(await atPortal()).toMatchObject({ 'builds{state="queued"}': 1 })
    const work = await claim(builder, { kinds: [BuilderKind.BUILDER_KIND_MMDEBSTRAP] })
    expect(await atPortal()).toMatchObject({
      'builds{state="running"}': 1,
      'builds{state="failed"}': 0,
    })
    await fail(builder, work.claim)
    expect(await atPortal()).toMatchObject({
      'builds{state="queued"}': 0,
      'builds{state="running"}': 0,
      'builds{state="failed"}': 1,
    })
  })

  test('tell how much of the audit log is not chained yet, which soon is nothing', async () => {
    await until('the chain', async () => (await atPortal())['audit_unchained'] === 0)
  })

  test('tell when certificates run out', async () => {
    await using secured = await securedPortal(undefined, metrics)
    await using folder = await temporaryFolder()
    await makeFacilities(secured.admin, 'lab1')
    await secured.join('lab1', folder.path)
    const joined = { data: folder.path, isJoined: true, flags: metrics }
    await using agent = await freshAgent(secured, 'lab1', joined)
    const there = await figuresAt(secured.metrics)
    const here = await figuresAt(agent.agent.metrics)
    const endOf = (of: string) => `certificate_end_timestamp_seconds{of="${of}"}`
    expect(there[endOf('portal')]).toBeGreaterThan(Date.now() / 1000)
    expect(here[endOf('agent:lab1')]).toBeGreaterThan(Date.now() / 1000)
    // A certificate says whole seconds.
    expect(Math.floor(there[endOf('agent:lab1')] ?? 0)).toBe(here[endOf('agent:lab1')])
  }, 60_000)
})
