import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrsImage } from '../../cli/mrs.ts'
import { freshAgent, type FreshAgent } from '../support/agent.ts'
import { makeFacilities } from '../support/facilities.ts'
import { freshPortal } from '../support/portal.ts'
import { sourceText } from '../support/sources.ts'
import { recordingHost } from './host.ts'

describe('at a facility, a source', () => {
  const stack = new AsyncDisposableStack()
  let folder: string
  let agent: FreshAgent
  let idle: FreshAgent

  beforeAll(async () => {
    const portal = stack.use(await freshPortal())
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    folder = portal.folder
    await mkdir(join(folder, 'images'))
    const flags = ['--import', '--import-from', join(folder, 'images')]
    agent = stack.use(await freshAgent(portal, 'lab1', { flags }))
    idle = stack.use(await freshAgent(portal, 'lab2'))
  }, 60_000)

  afterAll(() => stack.disposeAsync())

  async function mrs({ agent: { socket } }: FreshAgent, ...argv: readonly string[]) {
    const { host, out, err } = recordingHost(socket)
    const here = { ...host, folder, environment: { MRS_IMAGE_SOCKET: socket } }
    return { exit: await main(mrsImage, argv, here), out: out.join('\n'), err: err.join('\n') }
  }

  const put = (name: string, fields: Readonly<Record<string, string>> = {}) =>
    writeFile(
      join(folder, `${name}.yaml`),
      sourceText({
        place: `{kind: directory, path: ${join(folder, 'images')}}`,
        match: '"disk-{date}.img"',
        line: 'lab1/debian-13-mine-x86',
        ...fields,
      }),
    )

  test('is tried before anything is moved, and then imported into the store here', async () => {
    await writeFile(join(folder, 'images/disk-20240601.img'), randomBytes(100_000))
    await put('mine')
    const preview = await mrs(agent, 'import', 'source', 'mine.yaml', '--preview')
    expect(preview.out).toContain('1 import would be queued, and nothing was moved.')
    const { exit, out } = await mrs(agent, 'import', 'source', 'mine.yaml')
    expect(exit).toBe(0)
    expect(out).toContain('importing disk-20240601.img of lab1/mine')
    expect(out).toMatch(/made lab1\/debian-13\.0-mine-x86-20240601 in/)
    expect((await mrs(agent, 'list')).out).toContain('lab1/debian-13.0-mine-x86-20240601')
    const again = await mrs(agent, 'import', 'source', 'mine.yaml')
    expect(again.out).toContain('There is nothing to import.')
  }, 30_000)

  test('that cannot be looked at, or imported, says why, and ends with 1', async () => {
    await put('etc', { place: '{kind: directory, path: /etc}' })
    const refused = await mrs(agent, 'import', 'source', 'etc.yaml')
    expect(refused).toMatchObject({ exit: 1 })
    expect(refused.out).toContain('lab1/etc could not be looked at: /etc lies below no folder')
    await writeFile(join(folder, 'images/bad-20240601.img'), Buffer.from('QFI\xfb...', 'latin1'))
    await put('bad', { match: '"bad-{date}.img"' })
    const failed = await mrs(agent, 'import', 'source', 'bad.yaml')
    expect(failed).toMatchObject({ exit: 1 })
    expect(failed.out).toMatch(/is qcow2, and not declared so.* A source says it as `format`/)
  }, 30_000)

  test('is imported by an agent that imports', async () => {
    const { exit, err } = await mrs(idle, 'import', 'source', 'mine.yaml')
    expect(exit).toBe(1)
    expect(err).toContain('start it with --import')
  })
})
