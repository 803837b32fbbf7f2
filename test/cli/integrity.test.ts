import { expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { mrsImage } from '../../cli/mrs.ts'
import type { Progress } from '../../cli/progress.ts'
import { identifyInsecurely } from '../../lib/rpc/caller.ts'
import { mount } from '../../lib/rpc/serve.ts'
import { listen } from '../../lib/rpc/server.ts'
import {
  GetIntegrityResponse,
  IntegrityServiceService,
  ScrubResponse,
} from '../../proto/gen/merge/image/v1/integrity.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import { streamOf } from '../support/rpc.ts'
import { recordingHost } from './host.ts'

const endTime = new Date('2026-06-15T10:22:31Z')
const far = ScrubResponse.fromPartial({
  progress: { donePacks: 1n, totalPacks: 2n, doneBytes: 500n, totalBytes: 2_000n },
})
const clean = ScrubResponse.fromPartial({ report: { endTime, packs: 2n, bytes: 2_000n } })
const rotten = ScrubResponse.fromPartial({
  report: {
    endTime,
    packs: 2n,
    bytes: 2_000n,
    damagedChunks: 3n,
    repairedChunks: 2n,
    leftChunks: 1n,
  },
})

/** Runs a tool against a service that answers as told. */
async function run(
  program: typeof mrgImage,
  answers: { readonly steps?: readonly ScrubResponse[]; readonly known?: GetIntegrityResponse },
  ...argv: readonly string[]
) {
  await using folder = await temporaryFolder()
  const anyone = () => true
  const service = {
    getIntegrity: () => Promise.resolve(answers.known ?? GetIntegrityResponse.fromPartial({})),
    scrub: () => streamOf(...(answers.steps ?? [])),
    checkChunks: () => Promise.resolve({}),
  }
  const gate = {
    identify: identifyInsecurely,
    recognise: (error: unknown) => error,
    log: recorder().log,
    clock: () => performance.now(),
  }
  const socket = `${folder.path}/sock`
  const access = { getIntegrity: anyone, scrub: anyone, checkChunks: anyone }
  const mounted = mount(IntegrityServiceService, service, access)
  await using _server = await listen(`unix:${socket}`, [mounted], gate)
  const shown: Progress[] = []
  const { host, out, err } = recordingHost(program === mrgImage ? `unix:${socket}` : socket)
  const meter = () => ({
    show: (progress: Progress) => void shown.push(progress),
    [Symbol.dispose]: () => undefined,
  })
  const exit = await main(program, argv, { ...host, meter })
  return { exit, out: out.join('\n'), err: err.join('\n'), shown }
}

test.each([
  ['mrg-image', mrgImage],
  ['mrs-image', mrsImage],
] as const)('%s scrub shows how far it is, and says what it came to', async (_name, program) => {
  const { exit, out, shown } = await run(program, { steps: [far, clean] }, 'scrub')
  expect(exit).toBe(0)
  expect(shown).toEqual([
    { label: 'scrubbing', doneBytes: 500, totalBytes: 2_000, detail: 'no damage' },
  ])
  expect(out).toMatch(/^All that is stored is as it was\.\n\nRead +2\.0 kB in 2 packs\nTook/)
})

test('damage that is left is said, with what to do, and is an error to scripts', async () => {
  const { exit, out } = await run(mrsImage, { steps: [far, rotten] }, 'scrub')
  expect(exit).toBe(1)
  expect(out).toContain('3 chunks were found damaged; 2 repaired. 1 chunk stays damaged: nobody')
  const json = await run(mrsImage, { steps: [far, rotten] }, 'scrub', '--json')
  expect(JSON.parse(json.out)).toMatchObject({ endTime: endTime.toISOString(), leftChunks: 1 })
  expect(json.exit).toBe(1)
})

test('a scrub that ends without a report has failed', async () => {
  const { exit, err } = await run(mrgImage, { steps: [far] }, 'scrub')
  expect(exit).toBe(1)
  expect(err).toContain('ended without a report')
})

test('show integrity says what is known between two passes', async () => {
  const known = GetIntegrityResponse.fromPartial({ lastPass: clean.report ?? {} })
  const { exit, out } = await run(mrgImage, { known }, 'show', 'integrity')
  expect(exit).toBe(0)
  expect(out).toMatch(
    /^Damaged now +nothing\nRead last +2026-06-15 10:22:31 UTC: 2\.0 kB in 2 packs\n/,
  )
})

test('show integrity names the images that need what is damaged', async () => {
  const known = GetIntegrityResponse.fromPartial({
    currentPass: far.progress ?? {},
    damagedChunks: 2n,
    images: ['debian-12.0-std-x86-20260615'],
    imageCount: 3,
  })
  const { exit, out } = await run(mrgImage, { known }, 'show', 'integrity')
  expect(exit).toBe(1)
  expect(out).toMatch(
    /^Damaged now +2 chunks\nRead last +not yet\nReading +25 %: 500 B of 2\.0 kB\n/,
  )
  expect(out).toMatch(/\ndebian-12\.0-std-x86-20260615\nand 2 more$/)
})
