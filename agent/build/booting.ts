import { writeFile } from 'node:fs/promises'
import { isOver } from '../../lib/chunks/abort.ts'
import type { Bench } from './bench.ts'
import { type Acceleration, bootImage, type BootWish } from './boot.ts'
import { Fault } from './fault.ts'
import { sector, sectorWords, startSector } from './sector.ts'
import type { Command } from './plan.ts'
import { makeTail, type Tail } from './tail.ts'

/** What a guest is to say on its serial line, and how soon. */
export interface Wanted {
  readonly marker: string
  readonly withinMs: number
}

export interface Booted {
  /** Up, or why not: it stopped, it took too long, or this processor cannot do it. */
  readonly end: 'up' | 'stopped' | 'late' | 'unusable'
  readonly message: string
}

/** What booting works with. */
export interface Booting extends Pick<Bench, 'carryOut' | 'clock' | 'signal'> {
  readonly machine: Pick<Bench['machine'], 'kvm'>
  readonly places: Pick<Bench['places'], 'temporary'>
  readonly journal: Pick<Bench['journal'], 'say'>
}

/**
 * Boots an image on the processor itself where that can be done, and on one that is emulated where not. That takes a minute of
 * every processor there is, and goes wrong where it does not get them, so it waits until the image is `stored`.
 */
export async function boot(
  wish: BootWish,
  wanted: Wanted,
  stored: Promise<void>,
  bench: Booting,
): Promise<Booted> {
  const { kvm } = bench.machine
  if (await isKvmUsable(wish, bench)) {
    const first = await bootOnce(bootImage(wish, 'kvm'), 'kvm', wanted, bench)
    if (first.end === 'up') return first
    if (first.end === 'unusable') kvm.isUsable = false
    bench.journal.say(`booting with kvm: ${first.message}`)
  }
  await stored
  return bootOnce(bootImage(wish, 'tcg'), 'tcg', wanted, bench)
}

/** A processor that works takes some tenths of a second for it; one that only seems to, ten seconds and more, or for ever. */
const sectorMs = 3_000

/** Tried once, for the machine stays what it is. Where no tiny guest is known, the image itself is the try. */
async function isKvmUsable({ arch }: BootWish, bench: Booting): Promise<boolean> {
  const { kvm } = bench.machine
  if (kvm.isUsable !== undefined || arch !== 'x86') return kvm.isUsable ?? true
  const path = `${bench.places.temporary}/sector`
  await writeFile(path, sector())
  const wanted = { marker: sectorWords, withinMs: sectorMs }
  const { end, message } = await bootOnce(startSector(path, 'kvm'), 'kvm', wanted, bench)
  kvm.isUsable = end === 'up'
  bench.journal.say(`a boot sector with kvm: ${message}`)
  return kvm.isUsable
}

/** What qemu says where it is a guest itself, of a host that promises more than it does. */
const brokenKvm = ['KVM internal error', 'KVM: entry failed', 'failed to initialize kvm']

/** A processor that works says something long before this. */
const silentMs = 15_000

async function bootOnce(
  command: Command,
  way: Acceleration,
  { marker, withinMs }: Wanted,
  bench: Booting,
): Promise<Booted> {
  const { clock, carryOut } = bench
  const began = clock.now()
  const stop = new AbortController()
  const serial = makeTail()
  const signal = AbortSignal.any([bench.signal, stop.signal])
  const after = (ms: number, end: Booted['end'], still: () => boolean = () => true) =>
    clock.sleep(ms, signal).then(
      () => {
        if (still()) stop.abort(end)
      },
      () => undefined,
    )
  const timers = [after(withinMs, 'late')]
  if (way === 'kvm') timers.push(after(silentMs, 'unusable', () => serial.text() === ''))
  const listen = (part: Buffer): void => {
    serial.add(part)
    if (serial.has(marker)) stop.abort('up')
    else if (brokenKvm.some((words) => serial.has(words))) stop.abort('unusable')
  }
  try {
    await carryOut([command], listen, signal)
  } catch (error) {
    if (isOver(bench.signal)) throw error
    if (!isOver(stop.signal) && !(error instanceof Fault && error.blame === 'OUTPUT')) throw error
  }
  const end = isOver(stop.signal) ? (stop.signal.reason as Booted['end']) : 'stopped'
  stop.abort(end)
  await Promise.all(timers)
  return { end, message: tellBoot(end, clock.now() - began, way, marker, serial) }
}

const ends: Readonly<Record<Booted['end'], string>> = {
  up: 'It is up',
  stopped: 'The machine stopped',
  late: 'The time is over',
  unusable: 'The processor cannot do it: given up',
}

function tellBoot(
  end: Booted['end'],
  ms: number,
  way: Acceleration,
  marker: string,
  serial: Tail,
): string {
  const took = `${ends[end]} after ${(ms / 1000).toFixed(1)} s (${way})`
  if (end === 'up') return `${took}: "${marker}"`
  return `${took}, without "${marker}" on the serial line. The last it said:\n${serial.text()}`
}
