import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrsImage } from '../../cli/mrs.ts'
import { freshAgent, type FreshAgent } from '../support/agent.ts'
import { makeFacilities } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

const stack = new AsyncDisposableStack()
let portal: Awaited<ReturnType<typeof freshPortal>>
let agent: FreshAgent
let image: string

beforeAll(async () => {
  portal = stack.use(await freshPortal())
  await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
  image = await publish(portal.as('producer'), 'debian-13', Buffer.alloc(100_000, 'x'))
  agent = stack.use(await freshAgent(portal, 'lab1'))
})

afterAll(() => stack.disposeAsync())

async function mrs(...argv: readonly string[]) {
  const { host, out, err } = recordingHost(agent.agent.socket)
  const exit = await main(mrsImage, argv, host)
  return { exit, out: out.join('\n'), err: err.join('\n') }
}

test('a facility puts rules for itself through its agent, and sees what they bring first', async () => {
  const preview = await mrs('preview', 'rule', '--lines', 'debian-*-*-*')
  expect(preview.out).toContain(image)
  const put = await mrs('put', 'rule', 'std', '--lines', 'debian-*-*-*', '--newest', '1')
  expect(put.out).toMatch(/^std is kept: lab1 is to have /)
  expect((await mrs('list', 'rules')).out).toMatch(/\nstd +/)
  expect((await mrs('show', 'rule', 'std')).out).toContain('debian-*-*-*')
  expect((await mrs('delete', 'rule', 'std')).out).toBe('std is no rule of lab1 any more.')
})

test('what is wrong with a rule is told as by the portal', async () => {
  expect(await mrs('show', 'rule', 'none')).toMatchObject({
    exit: 1,
    err: expect.stringContaining('There is no rule "none" at lab1'),
  })
})
