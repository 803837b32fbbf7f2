import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import { command, type Context } from './command.ts'
import { exactName, present } from './find.ts'
import { images } from './images.ts'
import { imageJson } from './json.ts'
import { parseMoment } from './moment.ts'
import { counted, time } from './units.ts'

/** Options of everything that changes how an image stands. */
export const changeFlags = {
  reason: { value: 'TEXT', about: 'why, for whoever asks for the image, and its history' },
  etag: { value: 'ETAG', about: 'only if the image still has this etag' },
} as const
const replacementFlag = { value: 'IMAGE', about: 'what to use instead' } as const

const deprecate = command({
  verb: 'deprecate',
  object: 'image',
  summary: 'advise against an image: only its exact name and aliases find it, with a warning',
  arguments: ['IMAGE'],
  flags: {
    replacement: replacementFlag,
    on: { value: 'DATE', about: 'from when on, at most ten years ahead; at once otherwise' },
    ...changeFlags,
  },
  about: 'Said again, the later word counts. `restore IMAGE` takes it back.',
  examples: [
    "deprecate debian-12.11-std-x86-20250601 --replacement debian-12 --reason 'old kernel'",
    'deprecate debian-12.11-std-x86-20250601 --on 2027-01-01',
  ],
  async run(context, [reference], { replacement, on, reason = '', etag = '' }) {
    const time =
      on === undefined ? undefined : parseMoment('--on', on, 'mrg-image deprecate --help')
    const name = await exactName(context, reference)
    const instead = await replacementOf(context, replacement)
    const answer = await images(context).deprecateImage(
      {
        ...{ requestId: context.newId(), name, reason, etag },
        ...{ replacement: instead, deprecateTime: time },
      },
      { signal: context.signal },
    )
    const image = present(answer.image)
    return { json: imageJson(image), text: () => deprecatedText(image) }
  },
})

const revoke = command({
  verb: 'revoke',
  object: 'image',
  summary: 'forbid an image: whoever asks for it is told why, and what to use instead',
  arguments: ['IMAGE'],
  flags: {
    replacement: replacementFlag,
    ...changeFlags,
    reason: { ...changeFlags.reason, required: true },
  },
  about:
    'Machines that run it go on. What was made of it is named, and says so itself from now on. Only a portal admin takes it\n' +
    'back: `restore IMAGE --reason TEXT`.',
  examples: [
    "revoke fedora-43.1-std-x86-20260615 --reason 'CVE-2026-1234' --replacement fedora-43",
  ],
  async run(context, [reference], { replacement, reason, etag = '' }) {
    const name = await exactName(context, reference)
    const instead = await replacementOf(context, replacement)
    const request = { requestId: context.newId(), name, reason, etag, replacement: instead }
    const answer = await images(context).revokeImage(request, { signal: context.signal })
    const [image, { descendants }] = [present(answer.image), answer]
    const text = `${name} is revoked${insteadOf(image)}.`
    return {
      json: { image: imageJson(image), descendants },
      text: () => [text, ...descendantLines(descendants)].join('\n'),
    }
  },
})

const holdBack = command({
  verb: 'hold',
  object: 'back',
  summary: 'keep a released image from being the newest of its line',
  arguments: ['IMAGE'],
  flags: changeFlags,
  about:
    'References that leave a field free pass it by, and aliases that follow its line go to the one before. Its exact name\n' +
    'works as before. `restore IMAGE` takes it back. To keep an image from being removed: `hold IMAGE`.',
  examples: ["hold back debian-13.1-std-x86-20260615 --reason 'it hangs'", 'hold-back debian-13'],
  async run(context, [reference], { reason = '', etag = '' }) {
    const name = await exactName(context, reference)
    const request = { requestId: context.newId(), name, reason, etag }
    const answer = await images(context).holdBackImage(request, { signal: context.signal })
    const text = `${name} is held back: it is not the newest of its line until \`mrg-image restore ${name}\`.`
    return { json: imageJson(present(answer.image)), text: () => text }
  },
})

export const standingCommands = [deprecate, revoke, holdBack]

/** The exact name of what to use instead; empty for nothing. */
async function replacementOf(context: Context, reference: string | undefined): Promise<string> {
  return reference === undefined ? '' : exactName(context, reference)
}

function deprecatedText(image: Image): string {
  const { name, deprecateTime } = image
  const instead = insteadOf(image)
  if (deprecateTime === undefined) return `${name} is deprecated${instead}.`
  return `${name} becomes deprecated on ${time(deprecateTime)}${instead}.`
}

function insteadOf({ replacement }: Image): string {
  return replacement === '' ? '' : `; ${replacement} is to be used instead`
}

const mostShown = 10

function descendantLines(descendants: readonly string[]): readonly string[] {
  const count = descendants.length
  if (count === 0) return []
  const more = count > mostShown ? [`… and ${count - mostShown} more`] : []
  const names = [...descendants.slice(0, mostShown), ...more].map((line) => `  ${line}`)
  const made = count === 1 ? 'was made of it, and says' : 'were made of it, and say'
  return [`${counted(count, 'image')} ${made} so now:`, ...names]
}
