import { takeAll } from '../../../lib/chunks/healing.ts'
import type { Run } from '../../../lib/chunks/source.ts'
import { rawChunk } from '../../../lib/workers/verify.ts'
import type { Chance } from './chance.ts'
import { codeOf, type Host } from './host.ts'
import type { Portal } from './portal.ts'
import type { Timeline } from './timeline.ts'

interface ReadingDeps {
  readonly time: Timeline
  readonly hosts: readonly Host[]
  readonly portal: Portal
  readonly chance: Chance
}

/** Somebody reads an image now and then, as whoever writes it out does; what is damaged has to be healed on the way. */
export function readImages(
  { time, hosts, portal, chance }: ReadingDeps,
  onDefect: (text: string) => void,
): () => void {
  let isOver = false
  const again = (): void => {
    time.after(chance.between(1_000, 30_000), 'somebody reads', read)
  }
  const read = (): void => {
    if (isOver) return
    again()
    const host = chance.any(hosts)
    const running = host?.running
    const name = chance.any(running?.storage.images.present() ?? [])?.name
    const build = portal.builds.get(name ?? '')
    if (host === undefined || running === undefined || build === undefined) return
    const { storage, process, heal } = running
    const digests = build.chunks.map(({ entry }) => entry.digest)
    const came = new Set<string>()
    const take = async ({ entries, payload }: Run): Promise<void> => {
      await Promise.resolve()
      let at = 0
      for (const entry of entries) {
        rawChunk(entry, payload.subarray(at, (at += entry.storedBytes)))
        came.add(entry.digest)
      }
    }
    const source = { ...storage.store, heal }
    takeAll(source, digests, take, new AbortController().signal).then(
      () => {
        if (!process.isOver && came.size < digests.length) onDefect(`${host.name} read too little`)
      },
      (error: unknown) => {
        if (!process.isOver) time.note(`${host.name} cannot read ${build.name}: ${codeOf(error)}`)
      },
    )
  }
  again()
  return () => {
    isOver = true
  }
}
