import {
  HolderKind,
  HoldKind,
  holdKindFromJSON,
  ListHoldsRequest,
  type Hold,
  type Holder,
} from '../proto/gen/merge/image/v1/hold.ts'
import { command } from './command.ts'
import { everyItem, exactName } from './find.ts'
import { holdJson, holds, untilText } from './holds.ts'
import { listed, rowsOf } from './table.ts'
import { plain, time } from './units.ts'
import { word, wordsOf } from './words.ts'

const list = command({
  verb: 'list',
  object: 'holds',
  summary: 'list who holds which images, why and until when, newest first',
  arguments: [],
  flags: {
    image: { value: 'IMAGE', about: 'only those of this image' },
    owner: { value: 'WHO', about: 'only those of this person or service' },
    kind: { value: 'KIND', about: 'only of this kind', choices: wordsOf(HoldKind) },
    link: { value: 'LINK', about: 'only those under this link' },
    lock: { value: 'LOCK', about: 'only those that this lock placed' },
    ended: { about: 'also those that have lapsed or were released' },
  },
  examples: [
    'list holds --owner experimenter:bob',
    'list holds --image debian-13 --ended',
    'list holds --lock 01KV2ZJX5T8Q4N6R0W3Y7B9C1D',
  ],
  async run(context, _args, { image, kind = 'unspecified', ended = false, ...more }) {
    const filter = ListHoldsRequest.create({
      ...more,
      image: image === undefined ? '' : await exactName(context, image),
      kind: holdKindFromJSON(`HOLD_KIND_${kind.toUpperCase()}`),
      endedToo: ended,
    })
    const { signal } = context
    const found = await everyItem(
      (page) => holds(context).listHolds({ ...filter, ...page }, { signal }),
      (page) => page.holds,
    )
    return listed('holds', found, holdJson, headings, holdCells)
  },
})

const holders = command({
  verb: 'list',
  object: 'holders',
  summary: 'list who needs an image: all that keeps it from being removed',
  arguments: ['IMAGE'],
  flags: {},
  about:
    'Holds, aliases that point at it or go back to it, facilities that should have it, fetches and moves, builds, its line\n' +
    'if it is the newest, images made of it that are needed, and where it was used lately.',
  examples: ['list holders debian-13.1-std-x86-20260615', 'list holders fedora --json'],
  async run(context, [reference]) {
    const image = await exactName(context, reference)
    const { signal } = context
    const found = await everyItem(
      (page) => holds(context).listHolders({ ...page, image }, { signal }),
      (page) => page.holders,
    )
    return {
      json: found.map(holderJson),
      text: (paint) =>
        found.length === 0
          ? `Nothing needs ${image}.`
          : rowsOf(paint, 'holders', ['What', 'Which', 'Until', 'Why'], found, holderCells),
    }
  },
})

export const heldCommands = [list, holders]

const headings = ['Hold', 'Image', 'Kind', 'Owner', 'Held', 'Reason', 'Link']

function holdCells(one: Hold): readonly string[] {
  const { id, image, kind, owner, reason, link } = one
  const about = [plain(owner), untilText(one), plain(reason), plain(link)]
  return [id, image, word(HoldKind, kind), ...about]
}

function holderJson({ hold, ...holder }: Holder) {
  return { ...holder, kind: word(HolderKind, holder.kind), hold: hold && holdJson(hold) }
}

function holderCells({ kind, name, message, untilTime }: Holder): readonly string[] {
  return [word(HolderKind, kind), plain(name), time(untilTime), plain(message)]
}
