import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { BeginUploadRequest, CommitHeader } from '../../proto/gen/merge/image/v1/upload.ts'
import { commit } from '../support/builds.ts'
import { makeFacilities } from '../support/facilities.ts'
import { publish, restate } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('on the command line, an image that a facility made of another one', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let parent: string
  let child: string

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    await makeFacilities(portal.as('admin'), 'lab1')
    parent = await publish(portal.as('producer'), 'debian-13', randomBytes(100))
    child = await register()
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function register(): Promise<string> {
    const agent = portal.as('agent:lab1')
    const custom = { days: 10, shared: false }
    const target = 'lab1/debian-13-tools'
    const begin = BeginUploadRequest.create({ requestId: randomUUID(), target, custom })
    const uploadId = (await agent.uploads.beginUpload(begin)).upload?.id ?? ''
    const header = { requestId: randomUUID(), uploadId, release: true, storedBytes: 2000n, parent }
    return (await commit(agent, CommitHeader.create(header), randomBytes(100))).name
  }

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }

  test('is shown with what it was made of, and until when it stays', async () => {
    const { out } = await mrg('show', child)
    expect(out).toMatch(new RegExp(`\nMade of +${parent}\n`))
    expect(out).toMatch(/\nKept at +lab1 only; other facilities may not have it\nExpires +\d{4}/)
    expect((await mrg('show', parent)).out).not.toMatch(/Made of|Kept at|Build /)
  })

  test('is listed as a descendant', async () => {
    expect((await mrg('list', 'descendants', 'debian-13')).out).toContain(child)
    expect((await mrg('list', 'descendants', child)).out).toBe('No descendants.')
  })

  test('gets more time, never less', async () => {
    const { out } = await mrg('renew', child, '--days', '100')
    expect(out).toMatch(new RegExp(`^${child} is kept until \\d{4}-\\d\\d-\\d\\d .* UTC\\.$`))
    expect((await mrg('renew', 'image', child, '--days', '1')).out).toBe(out)
    expect((await mrg('renew', child, '--days', '367')).exit).toBe(2)
    expect((await mrg('renew', parent)).err).toContain('has its bytes at the portal')
  })

  test('is shared, and no longer', async () => {
    expect((await mrg('share', child)).out).toContain(`${child} is shared: `)
    expect((await mrg('show', child)).out).toContain('lab1 only; other facilities may have it')
    expect((await mrg('share', child, '--stop')).out).toBe(`${child} is no longer shared.`)
  })

  test('takes of a quota that is set and shown', async () => {
    const { out } = await mrg('set', 'quota', 'lab1', '1G', '--days', '30')
    const told = 'each for 30 days if nobody says otherwise; 2.0 kB are there.'
    expect(out).toBe(`lab1 may keep 1.1 GB of images of its own, ${told}`)
    expect((await mrg('set', 'quota', 'lab1', '0')).out).toContain('each for 30 days')
    expect((await mrg('show', 'facility', 'lab1')).out).toMatch(/Own images +2\.0 kB of 0 B, each/)
    expect((await mrg('set', 'quota', 'lab1', 'much')).exit).toBe(2)
  })

  test('says so when what it was made of is withdrawn', async () => {
    await restate(portal.sql, parent, { state: 'revoked' })
    const { out } = await mrg('show', child)
    expect(out).toMatch(/Ancestor revoked +It was made of debian-13\.0.*, which is revoked\n/)
    const json = JSON.parse((await mrg('show', child, '--json')).out) as object
    expect(json).toMatchObject({ withdrawnAncestor: { image: parent, state: 'revoked' } })
  })
})
