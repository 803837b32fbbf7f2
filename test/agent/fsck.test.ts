import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { agentFsckSettings, fsckAgent } from '../../agent/fsck.ts'
import { ownFolder } from '../../lib/ownership.ts'
import { readSettings } from '../../lib/settings.ts'
import { freshAgent, pull, writeOut } from '../support/agent.ts'
import { collect, noise } from '../support/chunks.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { flip } from '../support/shelf.ts'

const never = new AbortController().signal
const disk = noise('agent', 2_000_000)
const flags = ['--collect-every', '0', '--scrub-every', '20ms']

describe('a check of an agent', () => {
  let whole: AsyncDisposableStack
  let portal: Awaited<ReturnType<typeof freshPortal>>
  /** What an agent with an image has left: each test spoils a copy of it. */
  let model: string
  let image: string
  let stack: AsyncDisposableStack
  let data: string

  beforeAll(async () => {
    whole = new AsyncDisposableStack()
    portal = whole.use(await freshPortal(undefined, undefined, ['--collect-every', '0']))
    await makeFacilities(portal.as('admin'), 'lab1')
    image = await publish(portal.as('producer'), 'debian-12', disk)
    model = join(whole.use(await temporaryFolder()).path, 'agent')
    await using agent = await freshAgent(portal, 'lab1', { data: model, flags })
    await pull(agent, image)
  })

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    data = join(stack.use(await temporaryFolder()).path, 'agent')
    await cp(model, data, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  })

  afterEach(() => stack.disposeAsync())
  afterAll(() => whole.disposeAsync())

  function check(...more: readonly string[]) {
    const settings = readSettings(agentFsckSettings, ['--data', data, ...more], {}, 'TEST')
    const world = { now: () => new Date(), newUuid: randomUUID, threads: 1 }
    return fsckAgent(settings, { ...world, tell: () => undefined }, never)
  }

  const packs = async () =>
    (await readdir(join(data, 'chunks/packs'))).map((name) => join(data, 'chunks/packs', name))

  function sql(statement: string): void {
    const db = new DatabaseSync(join(data, 'agent.db'))
    db.exec(statement)
    db.close()
  }

  /** Starts it again, has the image written out, and lets it mend what is left. */
  async function givesImage(): Promise<boolean> {
    await using agent = await freshAgent(portal, 'lab1', { data, flags })
    await pull(agent, image)
    const path = join(data, 'disk')
    await writeOut(agent, image, path, true)
    await collect(agent.integrity.scrub({}))
    return disk.equals(await readFile(path))
  }

  test('that is whole finds nothing, read or not', async () => {
    expect(await check()).toMatchObject({ packs: 1, images: 1, manifests: 1, findings: [] })
    expect((await check('--read')).findings).toEqual([])
  })

  test('refuses while the agent runs, and a folder where none is', async () => {
    {
      using _owned = ownFolder(data)
      await expect(check()).rejects.toMatchObject({ reason: 'NOT_READY', facts: { path: data } })
    }
    data = join(data, 'nowhere')
    await expect(check()).rejects.toMatchObject({ reason: 'NOT_PRESENT' })
  }, 20_000)

  test('builds lost rows again from the packs, and ties the chunks to their image', async () => {
    sql('DELETE FROM need; DELETE FROM chunk; DELETE FROM pack')
    expect((await check()).findings.map(({ flaw }) => flaw)).toEqual([
      'unrecorded pack',
      'missing chunks',
      'unguarded chunks',
    ])
    expect((await check('--repair')).findings.every(({ outcome }) => outcome !== 'left')).toBe(true)
    expect((await check('--read')).findings).toEqual([])
    expect(await givesImage()).toBe(true)
  })

  test('notes a pack that is gone, and the agent that is started again fetches it', async () => {
    for (const pack of await packs()) await rm(pack)
    expect((await check('--repair')).findings).toMatchObject([
      { flaw: 'lost pack', outcome: 'noted' },
      { flaw: 'missing chunks', where: image, outcome: 'left' },
    ])
    expect(await givesImage()).toBe(true)
    expect((await check('--read')).findings).toEqual([])
  })

  test('notes a flipped bit that it reads, and the agent mends it', async () => {
    for (const pack of await packs()) await flip(pack, 1000)
    const { findings } = await check('--read', '--repair')
    expect(findings.map(({ flaw, chunks }) => [flaw, chunks])).toEqual([
      ['damaged chunks', 1],
      ['missing chunks', 1],
    ])
    expect(await givesImage()).toBe(true)
  })

  test('corrects rows that say otherwise than their pack', async () => {
    sql('UPDATE chunk SET offset = offset + 1, raw_bytes = raw_bytes - 1')
    const { findings } = await check('--repair')
    expect(findings).toMatchObject([{ flaw: 'misplaced chunks', outcome: 'repaired' }])
    expect((await check('--read')).findings).toEqual([])
  })

  test.each([
    ['is gone', 'DELETE FROM manifest', 'missing manifest'],
    ['has other bytes', "UPDATE manifest SET bytes = x'4d52474d'", 'damaged manifest'],
  ])(
    'forgets an image whose manifest %s, and the agent fetches that again',
    async (_what, spoil, flaw) => {
      sql(spoil)
      expect((await check()).findings).toMatchObject([{ flaw, where: image, outcome: 'left' }])
      expect((await check('--repair')).findings).toMatchObject([{ flaw, outcome: 'repaired' }])
      expect(await check()).toMatchObject({ images: 0, findings: [] })
      expect(await givesImage()).toBe(true)
    },
  )

  test('is a command that says what is wrong, and exits with 1 as long as something is', async () => {
    const run = (...more: readonly string[]) =>
      new Promise<{ code: number; out: string; err: string }>((done) => {
        const bin = join(import.meta.dirname, '../../bin/merge-image')
        const args = ['agent', 'fsck', '--data', data, ...more]
        execFile(bin, args, (error, out, err) => {
          done({ code: Number(error?.code ?? 0), out, err })
        })
      })
    expect(await run()).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing is wrong.'),
    })
    sql('UPDATE chunk SET offset = offset + 1')
    const wrong = await run('--json')
    expect(wrong.code).toBe(1)
    expect(JSON.parse(wrong.out)).toMatchObject({ findings: [{ flaw: 'misplaced chunks' }] })
    const repaired = await run('--repair')
    expect(repaired).toMatchObject({ code: 0, out: expect.stringContaining('1 repaired.') })
    await mkdir(join(data, 'empty'))
    data = join(data, 'empty')
    const none = await run()
    expect(none.code).toBe(2)
    expect(none.err).toContain('There is no agent.db in')
  }, 20_000)
})
