import { connect } from '../lib/rpc/connect.ts'
import { StorageServiceService } from '../proto/gen/merge/image/v1/storage.ts'
import { command } from './command.ts'
import { facts } from './table.ts'
import { bytes, counted } from './units.ts'

const collect = command({
  verb: 'collect',
  summary: 'remove from the store what nothing needs any more',
  about: `The portal does this by itself, once an hour as it is usually set. A chunk that no image and no
running upload needs is condemned; it comes back if somebody publishes it again, and is deleted after
the days that the portal is set to, 7 usually.`,
  arguments: [],
  flags: { 'dry-run': { about: 'only say what would be done now' } },
  examples: ['collect --dry-run', 'collect'],
  async run({ channel, signal }, _arguments, { 'dry-run': validateOnly = false }) {
    const storage = connect(StorageServiceService, channel)
    const done = await storage.collect({ validateOnly }, { signal, deadlineMs: longestMs })
    const of = (chunks: bigint, size: bigint) => `${counted(chunks, 'chunk')}, ${bytes(size)}`
    const freed = done.freedBytes < 0n ? `-${bytes(-done.freedBytes)}` : bytes(done.freedBytes)
    return {
      json: { ...done, dryRun: validateOnly },
      text: (paint) =>
        facts(paint, [
          [
            validateOnly ? 'Would condemn' : 'Condemned',
            of(done.condemnedChunks, done.condemnedBytes),
          ],
          ...(validateOnly
            ? []
            : [['Brought back', counted(done.revivedChunks, 'chunk')] as const]),
          [validateOnly ? 'Would delete' : 'Deleted', of(done.deletedChunks, done.deletedBytes)],
          ['Packs deleted', String(done.deletedPacks)],
          ['Packs rewritten', String(done.rewrittenPacks)],
          ['Orphans deleted', String(done.deletedOrphans)],
          [validateOnly ? 'Would free' : 'Freed', freed],
        ]),
    }
  },
})

/** A first cycle over a large store may rewrite much. */
const longestMs = 6 * 3_600_000

export const storageCommands = [collect]
