import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { boot, type Booting } from '../../../agent/build/booting.ts'
import { Fault } from '../../../agent/build/fault.ts'
import { run } from '../../../agent/build/running.ts'
import { sector, sectorWords, startSector } from '../../../agent/build/sector.ts'
import { toolPath } from '../../../agent/build/toolpath.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { storyWith } from '../../support/tools.ts'

const wish = {
  arch: 'x86',
  rootfs: 'rootfs.raw',
  format: 'raw',
  start: { by: 'bios' },
  temporary: '/tmp',
} as const
const isRoot = process.getuid?.() === 0
const ignore = (): void => undefined
const wanted = { marker: 'login:', withinMs: 60_000 }
const stored = Promise.resolve()

/** What a guest does: says something and stays, or stops. */
interface Guest {
  readonly says?: string
  readonly stops?: boolean
}

describe('an image is booted', () => {
  let started: string[]
  let log: string[]
  let folder: Folder

  beforeAll(async () => {
    folder = await temporaryFolder()
  })

  afterAll(async () => {
    await folder[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    started = []
    log = []
  })

  /** A machine where guests behave so, by what is started; time is over for whoever says nothing that is waited for. */
  function onMachine(guests: Readonly<Record<string, Guest>>, isUsable?: boolean): Booting {
    const signal = new AbortController().signal
    return {
      ...{ machine: { kvm: { isUsable } }, signal, places: { temporary: folder.path } },
      journal: {
        say: (line) => {
          log.push(line)
        },
      },
      clock: { now: () => 0, sleep: () => new Promise((resolve) => setImmediate(resolve)) },
      async carryOut([command], listen = ignore, stop = signal) {
        const title = command?.kind === 'run' ? command.title : ''
        started.push(title)
        const { says, stops = false } = guests[title] ?? {}
        if (says !== undefined) listen(Buffer.from(says))
        if (stops) throw new Fault('OUTPUT', 'qemu ended')
        if (!stop.aborted) await once(stop, 'abort')
        throw stop.reason
      },
    }
  }

  const [small, byKvm, byTcg] = [
    'booting a boot sector (kvm)',
    'booting the image by bios (kvm)',
    'booting the image by bios (tcg)',
  ]
  const works = { says: sectorWords }
  const up = { says: 'debian login:' }

  test('on the processor itself, once that has run a boot sector', async () => {
    const machine = onMachine({ [small]: works, [byKvm]: up })
    expect((await boot(wish, wanted, stored, machine)).end).toBe('up')
    expect(started).toEqual([small, byKvm])
    await boot(wish, wanted, stored, machine)
    expect(started).toEqual([small, byKvm, byKvm])
  })

  test('on an emulated one where the boot sector takes too long, and that is tried once', async () => {
    const machine = onMachine({ [byTcg]: up })
    expect((await boot(wish, wanted, stored, machine)).end).toBe('up')
    await boot(wish, wanted, stored, machine)
    expect(started).toEqual([small, byTcg, byTcg])
    expect(log).toEqual([expect.stringContaining('The time is over after')])
  })

  test('on an emulated one where there is no KVM', async () => {
    expect((await boot(wish, wanted, stored, onMachine({ [byTcg]: up }, false))).end).toBe('up')
    expect(started).toEqual([byTcg])
  })

  test('on an emulated one once it is stored, and on the processor itself before that', async () => {
    const never = new Promise<void>(() => undefined)
    const machine = onMachine({ [small]: works, [byKvm]: up })
    expect((await boot(wish, wanted, never, machine)).end).toBe('up')
    const gate = Promise.withResolvers<undefined>()
    const booting = boot(wish, wanted, gate.promise, onMachine({ [byTcg]: up }, false))
    await new Promise((resolve) => setImmediate(resolve))
    expect(started).toEqual([small, byKvm])
    gate.resolve(undefined)
    expect((await booting).end).toBe('up')
  })

  test('once more on an emulated one where KVM gives up in the middle, and never with KVM after that', async () => {
    const machine = onMachine({
      ...{ [small]: works, [byTcg]: up },
      [byKvm]: { says: 'KVM internal error. Suberror: 1' },
    })
    expect((await boot(wish, wanted, stored, machine)).end).toBe('up')
    await boot(wish, wanted, stored, machine)
    expect(started).toEqual([small, byKvm, byTcg, byTcg])
  })

  test('and told with its last words where it stops', async () => {
    const machine = onMachine({ [byTcg]: { says: 'Kernel panic', stops: true } }, false)
    const { end, message } = await boot(wish, wanted, stored, machine)
    expect(end).toBe('stopped')
    expect(message).toContain('Kernel panic')
  })
})

storyWith('a boot sector', ['qemu-system-x86_64'])('a boot sector', () => {
  test('says its words on the serial line', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'sector')
    await writeFile(path, sector())
    const deps = { folder: folder.path, environment: { PATH: toolPath }, isRoot }
    const enough = new AbortController()
    let said = ''
    const listen = (part: Buffer): void => {
      said += part.toString()
      if (said.includes(sectorWords)) enough.abort(new Error('enough'))
    }
    await expect(run(startSector(path, 'tcg'), deps, listen, enough.signal)).rejects.toThrow(
      'enough',
    )
    expect(said).toContain(sectorWords)
  }, 60_000)
})
