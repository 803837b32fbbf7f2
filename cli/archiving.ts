import { ImageStorage, type Image } from '../proto/gen/merge/image/v1/image.ts'
import { command, type Answer } from './command.ts'
import { exactName, present } from './find.ts'
import { images } from './images.ts'
import { imageJson } from './json.ts'
import { whileMoving } from './moving.ts'
import { time } from './units.ts'

const archive = command({
  verb: 'archive',
  object: 'image',
  summary: "move an image's bytes to the portal's archive, and wait until they are there",
  about: `What needs an image keeps it from being archived; the refusal says what that is. The image's name, digest and
history stay, and \`mrg-image restore IMAGE\` brings the bytes back. The portal goes on when this command
is interrupted; \`mrg-image show IMAGE\` tells how far it is.`,
  arguments: ['IMAGE'],
  flags: {
    reason: { value: 'TEXT', about: 'why; the history keeps it' },
    etag: { value: 'ETAG', about: 'only if the image still has this etag' },
    async: { about: 'return at once; the portal goes on' },
  },
  examples: ['archive debian-13.0-std-x86-20250115 --reason old'],
  async run(context, [reference], { reason = '', etag = '', async: atOnce = false }) {
    const name = await exactName(context, reference)
    const request = { requestId: context.newId(), name, etag, reason }
    const { image } = await images(context).archiveImage(request, { signal: context.signal })
    return moved(atOnce ? present(image) : await whileMoving(context, name))
  },
})

const expire = command({
  verb: 'expire',
  object: 'image',
  summary: "let an image's bytes go, unless something needs it",
  about: `Its name, digest and history stay for ever. \`mrg-image restore IMAGE\` brings it back within the days that the
portal is set to, 7 usually.`,
  arguments: ['IMAGE'],
  flags: {
    reason: { value: 'TEXT', about: 'why; whoever looks for the image is told', required: true },
    etag: { value: 'ETAG', about: 'only if the image still has this etag' },
    'dry-run': { about: 'only say what would come of it' },
  },
  examples: [
    'expire debian-13.0-std-x86-20250115 --reason replaced --dry-run',
    'expire debian-13.0-std-x86-20250115 --reason replaced',
  ],
  async run(context, [reference], { reason, etag = '', 'dry-run': validateOnly = false }) {
    const name = await exactName(context, reference)
    const request = { requestId: context.newId(), name, etag, reason, validateOnly }
    const answer = await images(context).expireImage(request, { signal: context.signal })
    const image = present(answer.image)
    return {
      json: { ...imageJson(image), dryRun: validateOnly },
      text: () => expiredText(image, validateOnly),
    }
  },
})

export const archivingCommands = [archive, expire]

function moved(image: Image): Answer {
  return { json: imageJson(image), text: () => movedText(image) }
}

function movedText({ name, storage, move }: Image): string {
  if (move !== undefined) return `${name} is on its way to the archive.`
  if (storage === ImageStorage.IMAGE_STORAGE_ARCHIVED) return `${name} is archived.`
  return `${name} is not archived: something came to need it, or somebody brought it back.`
}

function expiredText({ name, undeleteTime }: Image, isRehearsal: boolean): string {
  const until =
    undeleteTime === undefined ? '' : ` It could be brought back until ${time(undeleteTime)}.`
  if (isRehearsal) return `${name} would expire: nothing needs it.${until}`
  const back =
    undeleteTime === undefined
      ? ''
      : ` "mrg-image restore ${name}" brings it back until ${time(undeleteTime)}.`
  return `${name} has expired.${back}`
}
