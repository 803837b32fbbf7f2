import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { mrsImage } from '../../cli/mrs.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { noise } from '../support/chunks.ts'
import { freshAgent, writeOut, type FreshAgent } from '../support/agent.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { temporaryFolder, type Folder } from '../support/folder.ts'
import { publish, restate } from '../support/images.ts'
import { flip } from '../support/shelf.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

describe('an image as one portable file', () => {
  const stack = new AsyncDisposableStack()
  const data = Buffer.concat([
    noise('portable', 500_000),
    Buffer.alloc(300_000),
    noise('b', 99_999),
  ])
  let here: Portal
  let elsewhere: Portal
  let agent: FreshAgent
  let folder: Folder
  let [name, digest, path] = ['', '', '']

  beforeAll(async () => {
    here = stack.use(await freshPortal(() => new Date('2026-06-15T12:00:00Z')))
    elsewhere = stack.use(await freshPortal(() => new Date('2031-01-01T12:00:00Z')))
    folder = stack.use(await temporaryFolder())
    await makeFacilities(elsewhere.as('admin'), 'lab1', 'lab2')
    agent = stack.use(await freshAgent(elsewhere, 'lab1', { serve: false }))
    const packages = [
      { name: 'libc6', version: '2.41-12' },
      { name: 'bash', version: '5.2' },
    ]
    name = await publish(here.as('producer'), 'debian-13.1', data, true, packages)
    digest = (await here.as('admin').images.getImage({ name })).image?.digest ?? ''
    path = join(folder.path, 'some.image.tar')
  })

  afterAll(() => stack.disposeAsync())

  async function mrg(portal: Portal | undefined, ...argv: readonly string[]) {
    const { host, out, err, written } = recordingHost(portal?.address ?? '127.0.0.1:1')
    const exit = await main(mrgImage, argv, host)
    return { exit, out: out.join('\n'), err: err.join('\n'), written: Buffer.concat(written) }
  }

  const mrs = (...argv: readonly string[]) => mrsAt(agent, ...argv)

  async function mrsAt({ agent: { socket } }: FreshAgent, ...argv: readonly string[]) {
    const { host, out, err, written } = recordingHost(socket)
    const exit = await main(mrsImage, argv, host)
    return { exit, out: out.join('\n'), err: err.join('\n'), written: Buffer.concat(written) }
  }

  const get = async (portal: Portal, image: string) =>
    (await portal.as('admin').images.getImage({ name: image })).image

  test('is exported by the portal, the same each time, to a file or to standard output', async () => {
    expect(await mrg(here, 'export', 'debian', path)).toMatchObject({
      err: `debian is ${name}`,
      out: expect.stringContaining(`${path} holds ${name}, ${digest}: `),
    })
    const bytes = await readFile(path)
    expect(await readFile(`${path}.sha256`, 'utf8')).toBe(`${sha256(bytes)}  some.image.tar\n`)
    const { out, err, written } = await mrg(here, 'export', name, '-')
    expect(written.equals(bytes)).toBe(true)
    expect([out, err]).toEqual(['', expect.stringContaining('Standard output holds')])
    expect(await mrg(here, 'export', name, path)).toMatchObject({
      exit: 1,
      err: expect.stringContaining('is already there'),
    })
    expect((await mrg(here, 'export', name, path, '--force')).exit).toBe(0)
  })

  test('is checked without any portal', async () => {
    const { out } = await mrg(undefined, 'import', path, '--check', '--json')
    expect(JSON.parse(out)).toMatchObject({
      about: { name, digest, packages: [{ name: 'bash' }, { name: 'libc6' }] },
    })
    const bad = join(folder.path, 'bad.image.tar')
    await copyFile(path, bad)
    await flip(bad, 200_000)
    const { exit, err } = await mrg(undefined, 'import', bad, '--check')
    expect(exit).toBe(1)
    expect(err).toContain(`${bad} is damaged at `)
  })

  test('is there already where it is present', async () => {
    const { out } = await mrg(here, 'import', path)
    expect(out).toContain(`${name} is here already, with the same digest.`)
  })

  test('makes nothing where it is damaged, and says where', async () => {
    const bad = join(folder.path, 'bad.image.tar')
    for (const at of [-10, -2000, 200_000]) {
      await copyFile(path, bad)
      await flip(bad, at)
      const { exit, err } = await mrg(elsewhere, 'import', bad)
      expect(exit).toBe(1)
      expect(err).toContain(`${bad} is damaged at`)
      expect(err).toContain('The upload was given up: nothing is published.')
      const there = await mrs('import', bad)
      expect(there.exit).toBe(1)
      expect(there.err).toContain(`${bad} is damaged at`)
    }
    expect((await mrg(elsewhere, 'list')).out).toBe('No images.')
    expect((await agent.local.listLocal({})).images).toEqual([])
    const open = await elsewhere.sql`select from upload where state = 'open'`
    expect(open).toHaveLength(0)
  })

  test('becomes an image of another portal, of the same day and digest', async () => {
    const { out } = await mrg(elsewhere, 'import', path)
    expect(out).toContain(`${name} is published, and released.\n\n`)
    const image = await get(elsewhere, name)
    expect(image).toMatchObject({ name, digest })
    expect(image?.notes).toMatch(`it was ${name} where it was exported, published 2`)
    const { versions } = await elsewhere.as('admin').images.getPackages({ name })
    expect(versions).toEqual({ libc6: '2.41-12', bash: '5.2' })
  })

  test('says so where its name is another', async () => {
    await using third = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    await publish(third.as('producer'), 'debian-13.1', noise('first of the day', 1000))
    const { out } = await mrg(third, 'import', path)
    expect(out).toContain(
      `${name}.1 is published, and released.\nIts name is another: it was ${name}`,
    )
    expect((await get(third, `${name}.1`))?.digest).toBe(digest)
    expect((await mrg(third, 'import', path)).out).toContain(`${name}.1 is here already`)
    const { out: other } = await mrg(third, 'import', path, '--as', 'debian-13-vte', '--candidate')
    expect(other).toContain('debian-13.0-vte-x86-20260615 is published, and candidate.')
  })

  test('comes back under its own name where it had expired', async () => {
    await restate(here.sql, name, { storage: 'expired' })
    expect((await mrg(here, 'export', name, '-')).err).toContain('has expired')
    await restate(here.sql, name, { storage: 'archived' })
    expect((await mrg(here, 'export', name, '-')).err).toContain(`mrg-image restore ${name}`)
    await restate(here.sql, name, { storage: 'expired' })
    await here.sql`delete from manifest_chunk`
    await here.sql`delete from lease`
    await here.sql`delete from chunk`
    const { out } = await mrg(here, 'import', path)
    expect(out).toContain(`${name} is here again, with the same digest.\n\n`)
    const { written } = await mrg(here, 'export', name, '-')
    expect(written.equals(await readFile(path))).toBe(true)
  })

  test('is carried by disk to a facility that is to hold it', async () => {
    // What the portal has lost no agent can fetch from it.
    await elsewhere.sql`delete from lease`
    await elsewhere.sql`delete from manifest_chunk`
    await elsewhere.sql`delete from chunk`
    await using cut = await freshAgent(elsewhere, 'lab2', { serve: false })
    await push(elsewhere.as('admin'), 'lab2', name)
    const isWanted = async (): Promise<boolean> =>
      (await cut.local.listLocal({})).images.some(({ image }) => image?.name === name)
    while (!(await isWanted())) await new Promise((resolve) => setTimeout(resolve, 20))
    const { out } = await mrsAt(cut, 'import', path)
    expect(out).toContain(`${name} is here, as the portal wants it.\n\n`)
    expect((await mrsAt(cut, 'import', path)).out).toContain(`${name} is here already`)
    const raw = join(folder.path, 'wanted.raw')
    await writeOut(cut, name, raw)
    expect((await readFile(raw)).equals(data)).toBe(true)
  })

  test("becomes a facility's own, whose bytes the portal never has, and goes on from there", async () => {
    const { out } = await mrs('import', path, '--as', 'debian-13.1-paper42', '--days', '30')
    const own = 'lab1/debian-13.1-paper42-x86-20310101'
    expect(out).toContain(
      `${own} is here as the facility's own, and released.\nIts name is another`,
    )
    expect(await get(elsewhere, own)).toMatchObject({ digest, custom: { facility: 'lab1' } })
    expect(await elsewhere.sql`select from chunk`).toHaveLength(0)
    const raw = join(folder.path, 'own.raw')
    await writeOut(agent, own, raw)
    expect((await readFile(raw)).equals(data)).toBe(true)

    const again = join(folder.path, 'own.image.tar')
    expect((await mrs('export', own, again)).exit).toBe(0)
    expect((await mrg(elsewhere, 'export', own, '-')).err).toContain('are at lab1')
    await using third = await freshPortal()
    const { err } = await mrg(third, 'import', again)
    expect(err).toContain('lab1')
    const { out: published } = await mrg(third, 'import', again, '--as', 'debian-13.1')
    expect(published).toContain(' is published, and released.')
  })

  test('is no file of another kind', async () => {
    const other = join(folder.path, 'other')
    await writeFile(other, 'merge')
    const { exit, err } = await mrg(elsewhere, 'import', other)
    expect({ exit, err }).toEqual({ exit: 1, err: expect.stringContaining('is no portable image') })
  })
})
