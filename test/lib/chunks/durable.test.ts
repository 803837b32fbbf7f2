import { describe, expect, test } from '@jest/globals'
import { type Directory, openDirectory } from '../../../lib/chunks/directory.ts'
import { collect, noise } from '../../support/chunks.ts'
import { chanceOf } from '../../support/simulation/chance.ts'
import { diskOf } from '../../support/simulation/disk.ts'
import { type Process, startProcess } from '../../support/simulation/process.ts'
import { timeline } from '../../support/simulation/timeline.ts'

const parts = [noise('a pack', 1000)]
const seeds = Array.from({ length: 20 }, (_, seed) => seed)

/** A store on a disk that forgets what nobody synced when the power goes. */
function machine(seed: number) {
  const [time, chance] = [timeline(), chanceOf(seed, 'disk')]
  const disk = diskOf('/data', 1_000_000, chance)
  let wall = 1_000_000
  const start = (): Process => startProcess('agent', time, () => new Date(wall + time.now()))
  return {
    disk,
    start,
    step: time.step,
    setClock: (ms: number) => void (wall = ms),
    open: (process: Process): Promise<Directory> => {
      const now = process.now().getTime()
      return openDirectory({ path: '/data/chunks', startedAt: now, now }, disk.files(process))
    },
    /** Lets time go on until it is done, or nothing happens any more. */
    async until<T>(promise: Promise<T>): Promise<T | undefined> {
      let done: { readonly value: T } | undefined
      void promise.then((value) => (done = { value }))
      while (done === undefined && (await time.step()));
      return done?.value
    },
    cut: () => {
      disk.cut(chance)
    },
  }
}

type Machine = ReturnType<typeof machine>

/** Puts a blob, and is killed after so many operations of the disk. */
async function putUntil(on: Machine, moments: number): Promise<void> {
  const process = on.start()
  process.endIn(moments, () => {
    process.isOver = true
  })
  await on.until(on.open(process).then((blobs) => blobs.put('packs/A', parts)))
}

async function open(on: Machine): Promise<Directory> {
  const blobs = await on.until(on.open(on.start()))
  if (blobs === undefined) throw new Error('it did not open')
  return blobs
}

describe('a power cut', () => {
  test('takes nothing that was put, not even in a store that was just made', async () => {
    for (const seed of seeds) {
      const on = machine(seed)
      await putUntil(on, Infinity)
      on.cut()
      expect(on.disk.names('/data/chunks/packs')).toEqual(['A'])
    }
  })

  test('takes nothing that was put in a store whose making was cut off', async () => {
    for (let moment = 1; moment < 20; moment++) {
      const on = machine(moment)
      await putUntil(on, moment)
      const blobs = await open(on)
      await on.until(blobs.put('packs/B', parts))
      on.cut()
      expect(on.disk.names('/data/chunks/packs')).toContain('B')
    }
  })

  test('takes nothing that was listed, wherever its writer was killed', async () => {
    for (let moment = 1; moment < 40; moment++) {
      const on = machine(moment)
      await putUntil(on, moment)
      const listed = await on.until(collect((await open(on)).list('packs/')))
      on.cut()
      const kept = listed?.filter(({ key }) =>
        on.disk.names('/data/chunks/packs').includes(key.slice(6)),
      )
      expect(kept).toEqual(listed)
    }
  })

  test('brings back nothing that was deleted, nor deleted again after a kill', async () => {
    for (let moment = 1; moment < 40; moment++) {
      const on = machine(moment)
      await putUntil(on, Infinity)
      const killed = on.start()
      killed.endIn(moment, () => {
        killed.isOver = true
      })
      await on.until(on.open(killed).then((blobs) => blobs.delete('packs/A')))
      await on.until((await open(on)).delete('packs/A'))
      on.cut()
      expect(on.disk.names('/data/chunks/packs')).toEqual([])
    }
  })
})

test('a draft goes with the next start, though the clock was set back', async () => {
  const on = machine(1)
  const drafts = () => on.disk.names('/data/chunks/tmp')
  const killed = on.start()
  void on.open(killed).then((blobs) => blobs.put('packs/A', parts))
  while (drafts().length === 0) await on.step()
  killed.isOver = true
  on.setClock(500_000)
  await open(on)
  expect(drafts()).toEqual([])
})
