import { availableParallelism } from 'node:os'
import { resolve as absolute } from 'node:path'
import type { Run } from '../lib/chunks/source.ts'
import { saveFile } from '../lib/portable/save.ts'
import { startPool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { Answer, Context } from './command.ts'
import { facts } from './table.ts'
import { bytes, counted, duration, plain, rate, seconds } from './units.ts'

// What both tools do with portable files.

export const exportFlags = { force: { about: 'replace a file that is there' } } as const

export const exportAbout =
  'FILE is one plain tar (docs/portable.md) with all of the image in it, and FILE.sha256 is written beside it. It appears\n' +
  'once it is whole. If FILE is left out, it is the name of the image and `.image.tar`; `-` is standard output.'

/** Writes the parts of a portable file where they are to go. */
export async function exported(
  context: Context,
  image: Image,
  parts: AsyncIterable<Uint8Array>,
  { file, force = false }: { readonly file: string | undefined; readonly force?: boolean },
): Promise<Answer> {
  const { folder, now, newId } = context
  const { name, digest } = image
  const start = now()
  using meter = context.meter()
  async function* shown(): AsyncGenerator<Uint8Array> {
    const [label, totalBytes] = [`exporting ${name}`, Number(image.storedBytes)]
    let doneBytes = 0
    for await (const part of parts) {
      yield part
      doneBytes += part.length
      meter.show({ label, doneBytes, totalBytes, detail: '' })
    }
  }
  const aside = file === '-'
  const path = aside ? '-' : absolute(folder, file ?? `${name.replace('/', '_')}.image.tar`)
  const sizeBytes = aside
    ? await passOn(context, shown())
    : await saveFile(path, shown(), { replace: force, random: newId() })
  const elapsedMs = now() - start
  const where = aside ? 'Standard output' : path
  const speed = `${bytes(sizeBytes)} in ${duration(elapsedMs)}, ${rate(sizeBytes, elapsedMs)}`
  return {
    aside,
    json: { image: name, digest, path, sizeBytes, seconds: seconds(elapsedMs) },
    text: () => `${where} holds ${name}, ${digest}: ${speed}.`,
  }
}

async function passOn(context: Context, parts: AsyncIterable<Uint8Array>): Promise<number> {
  let sizeBytes = 0
  for await (const part of parts) {
    await context.write(part)
    sizeBytes += part.length
  }
  return sizeBytes
}

/** Reads a portable file to its end, and tells what is in it. */
export async function checked(context: Context, path: string): Promise<Answer> {
  const { signal, now } = context
  const start = now()
  const { openPortable } = await import('../lib/portable/read.ts')
  await using file = await openPortable(path)
  await using pool = startPool(availableParallelism())
  using meter = context.meter()
  let chunks = 0
  for await (const run of file.runs(verifier(pool), signal)) {
    chunks += run.entries.length
    meter.show(reading(path, file))
  }
  const { about, sizeBytes } = file
  const elapsedMs = now() - start
  const { name, digest, state, displayName, packages } = about
  return {
    json: { path, sizeBytes, chunks, about, seconds: seconds(elapsedMs) },
    text: (paint) =>
      `${paint('bold', path)} is whole.\n\n` +
      facts(paint, [
        ['Image', name],
        ['System', plain(displayName)],
        ['Digest', digest],
        ['State', `${state} when it was exported`],
        ['Size', `${bytes(sizeBytes)} in ${counted(chunks, 'chunk')}`],
        ['Packages', packages.length === 0 ? 'no list' : String(packages.length)],
        ['Took', `${duration(elapsedMs)}, ${rate(sizeBytes, elapsedMs)}`],
      ]),
  }
}

/** How far the reading of a portable file is. */
export function reading(
  path: string,
  file: { readonly sizeBytes: number; readonly readBytes: () => number },
  detail = '',
) {
  return {
    label: `reading ${path}`,
    doneBytes: file.readBytes(),
    totalBytes: file.sizeBytes,
    detail,
  }
}

/** Those chunks of a run that are in the set. */
export function onlyOf({ entries, payload }: Run, wanted: ReadonlySet<string>): Run | undefined {
  const kept = entries.filter(({ digest }) => wanted.has(digest))
  if (kept.length === entries.length) return { entries, payload }
  if (kept.length === 0) return undefined
  let at = 0
  const parts = entries.flatMap(({ digest, storedBytes }) => {
    const part = payload.subarray(at, (at += storedBytes))
    return wanted.has(digest) ? [part] : []
  })
  return { entries: kept, payload: Buffer.concat(parts) }
}
