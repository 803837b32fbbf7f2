import { expect, test } from '@jest/globals'
import { localAccess } from '../../agent/access.ts'
import { main } from '../../cli/main.ts'
import { mrsImage } from '../../cli/mrs.ts'
import { identifyInsecurely } from '../../lib/rpc/caller.ts'
import { mount } from '../../lib/rpc/serve.ts'
import { listen } from '../../lib/rpc/server.ts'
import {
  EvictResponse,
  LocalServiceService,
  type EvictRequest,
} from '../../proto/gen/merge/image/v1/local.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import { recordingHost } from './host.ts'

const useTime = new Date('2026-06-15T10:22:31Z')
const done = EvictResponse.fromPartial({
  freedBytes: 1500n,
  items: [
    { image: 'a', goes: true, message: 'used longest ago, 2026-06-15', freedBytes: 1500n, useTime },
    { image: 'b', goes: false, message: 'it is wanted here' },
  ],
})

/** Runs the tool against an agent that answers as told. */
async function mrs(...argv: readonly string[]) {
  await using folder = await temporaryFolder()
  const asked: EvictRequest[] = []
  const never = () => Promise.reject(new Error('not asked here'))
  const neverStreams = () => {
    throw new Error('not asked here')
  }
  const service = {
    ...{ status: never, listLocal: never, resolveLocal: never, listProjections: never },
    ...{ pull: neverStreams, writeOut: neverStreams, verify: neverStreams },
    ...{ push: neverStreams, build: neverStreams, export: neverStreams, import: neverStreams },
    drop: ({ reference }: { reference: string }) => Promise.resolve({ image: `${reference}-x86` }),
    evict: (request: EvictRequest) => {
      asked.push(request)
      return Promise.resolve(done)
    },
  }
  const gate = {
    identify: identifyInsecurely,
    recognise: (error: unknown) => error,
    log: recorder().log,
    clock: () => performance.now(),
  }
  const socket = `${folder.path}/agent.sock`
  const mounted = mount(LocalServiceService, service, localAccess)
  await using _server = await listen(`unix:${socket}`, [mounted], gate)
  const { host, out, err } = recordingHost(socket)
  const exit = await main(mrsImage, argv, host)
  return { exit, out: out.join('\n'), err: err.join('\n'), asked }
}

test('evict says what goes, what comes free, and why the others stay', async () => {
  const { exit, out, asked } = await mrs('evict', '--dry-run')
  expect(exit).toBe(0)
  expect(asked).toEqual([{ references: [], validateOnly: true }])
  expect(out).toMatch(
    /a +go +1\.5 kB +2026-06-15 10:22:31 UTC +used longest ago, 2026-06-15\nb +stay +- +- +it is wanted here/,
  )
  expect(out).toContain('1 image would go: 1.5 kB of chunks')
})

test('evict of images that are named exits with 1 if one of them stays', async () => {
  const { exit, out, asked } = await mrs('evict', 'a', 'b', '--json')
  expect(exit).toBe(1)
  expect(asked).toEqual([{ references: ['a', 'b'], validateOnly: false }])
  expect(JSON.parse(out)).toMatchObject({
    ...{ freedBytes: 1500, dryRun: false },
    items: [{ image: 'a', goes: true }, { goes: false }],
  })
})

test('drop says which image is not wanted any more', async () => {
  const { exit, out } = await mrs('drop', 'debian-13')
  expect(exit).toBe(0)
  expect(out).toBe('debian-13-x86 is not wanted here any more.')
})

test.each([
  ['drop', /needs REF|IMAGE|REF/],
  ['drop a b', /b/],
  ['evict --dry', /--dry/],
])('%s is refused, and says why', async (line, why) => {
  const { exit, err } = await mrs(...line.split(' '))
  expect(exit).toBe(2)
  expect(err).toMatch(why)
})
