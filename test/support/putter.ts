// Puts packs into the directory given until it is killed, and prints the key of each that is durable.
import { writeSync } from 'node:fs'
import { openDirectory } from '../../lib/chunks/directory.ts'
import { packHeader, packTrailer } from '../../lib/chunks/pack.ts'
import { chunksOf } from './chunks.ts'

const [path = '', round = ''] = process.argv.slice(2)
await using blobs = await openDirectory({ path, startedAt: performance.timeOrigin })
for (let n = 0; ; n++) {
  const chunks = chunksOf(`${round} ${n}`, 30, 20_000)
  const key = `packs/${round}-${n}`
  const stored = chunks.map((chunk) => chunk.stored)
  await blobs.put(key, [packHeader(), ...stored, packTrailer(chunks.map(({ entry }) => entry))])
  writeSync(1, `${key}\n`)
}
