import {
  ImageState,
  ImageStorage,
  RestoreKind,
  type Image,
  type ImageChange,
} from '../proto/gen/merge/image/v1/image.ts'
import { command, type Answer, type Context, type Paint } from './command.ts'
import { everyItem, exactName, present } from './find.ts'
import { images } from './images.ts'
import { imageJson } from './json.ts'
import { whileMoving } from './moving.ts'
import { changeFlags } from './standing.ts'
import { coloured, listed } from './table.ts'
import { plain, time } from './units.ts'
import { UsageError } from './usage.ts'
import { word } from './words.ts'

const restore = command({
  verb: 'restore',
  object: 'image',
  summary: 'take back what keeps an image from being used',
  arguments: ['IMAGE'],
  flags: {
    bytes: { about: 'its archiving or expiry' },
    standing: { about: 'its deprecation, revocation or holding back' },
    async: { about: 'return at once while its bytes come back; the portal goes on' },
    ...changeFlags,
  },
  about:
    'Without --bytes or --standing: its bytes where they are not there, else its standing. What has expired can be brought\n' +
    'back for some days only. What was revoked needs a reason, and a portal admin.',
  examples: [
    'restore debian-12.11-std-x86-20250601',
    "restore fedora-43.1-std-x86-20260615 --standing --reason 'it was another image'",
    'restore debian-12.11-std-x86-20250601 --bytes --async',
  ],
  async run(context, [reference], { async: atOnce = false, reason = '', etag = '', ...which }) {
    const name = await exactName(context, reference)
    const kind = await kindOf(context, name, which)
    const request = { requestId: context.newId(), name, reason, etag, kind }
    const { signal } = context
    const image = present((await images(context).restoreImage(request, { signal })).image)
    if (kind === RestoreKind.RESTORE_KIND_STANDING) return restored(image)
    return brought(atOnce ? image : await whileMoving(context, name))
  },
})

const history = command({
  verb: 'history',
  object: 'image',
  isSpelled: true,
  summary: 'list how an image came to stand as it does, newest first',
  arguments: ['IMAGE'],
  flags: {},
  about: '`history` with the exact name of an image does the same.',
  examples: ['history image debian-13', 'history image debian-13.1-std-x86-20260615 --json'],
  async run(context, [reference]) {
    return changesOf(context, await exactName(context, reference))
  },
})

export const restoreCommands = [restore, history]

/** Every change of an image's state and storage, the newest first. */
export async function changesOf(context: Context, name: string): Promise<Answer> {
  const { signal } = context
  const changes = await everyItem(
    (page) => images(context).listImageChanges({ ...page, name }, { signal }),
    (page) => page.changes,
  )
  const headings = ['When', 'State', 'Storage', 'Use instead', 'Who', 'Why']
  return listed('changes', changes, changeJson, headings, changeCells)
}

async function kindOf(
  context: Context,
  name: string,
  { bytes = false, standing = false }: { readonly bytes?: boolean; readonly standing?: boolean },
): Promise<RestoreKind> {
  if (bytes && standing) {
    throw new UsageError('take back one thing at a time', 'mrg-image restore --help')
  }
  if (bytes) return RestoreKind.RESTORE_KIND_BYTES
  if (standing) return RestoreKind.RESTORE_KIND_STANDING
  const { image } = await images(context).getImage({ name }, { signal: context.signal })
  const isThere = present(image).storage === ImageStorage.IMAGE_STORAGE_PRESENT
  return isThere ? RestoreKind.RESTORE_KIND_STANDING : RestoreKind.RESTORE_KIND_BYTES
}

function restored(image: Image): Answer {
  const text = (paint: Paint): string =>
    `${image.name} is ${coloured(paint, word(ImageState, image.state))}, and not held back.`
  return { json: imageJson(image), text }
}

function brought(image: Image): Answer {
  const { name, storage, move } = image
  const json = imageJson(image)
  if (move !== undefined) {
    const text = `${name} is on its way back: \`mrg-image show ${name}\` says how far it is.`
    return { json, text: () => text }
  }
  const text = (paint: Paint): string =>
    `The bytes of ${name} are ${coloured(paint, word(ImageStorage, storage))}.${stillAgainst(image)}`
  return storage === ImageStorage.IMAGE_STORAGE_PRESENT ? { json, text } : { json, text, exit: 1 }
}

/** What else keeps it from being found. */
function stillAgainst({ name, state, heldBack }: Image): string {
  const isReleased = state === ImageState.IMAGE_STATE_RELEASED
  if (isReleased && !heldBack) return ''
  const is = isReleased ? 'held back' : word(ImageState, state)
  const how = state === ImageState.IMAGE_STATE_CANDIDATE ? 'release' : 'restore'
  return ` It is ${is}: \`mrg-image ${how} ${name}\` changes that.`
}

function changeJson(change: ImageChange) {
  const { state, storage } = change
  return { ...change, state: word(ImageState, state), storage: word(ImageStorage, storage) }
}

function changeCells(change: ImageChange, paint: Paint): readonly string[] {
  const { state, storage, heldBack, replacement, actor, reason } = change
  const back = heldBack ? ', held back' : ''
  return [
    time(change.time),
    `${coloured(paint, word(ImageState, state))}${back}`,
    coloured(paint, word(ImageStorage, storage)),
    replacement || '-',
    plain(actor),
    plain(reason),
  ]
}
