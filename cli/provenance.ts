import { ImageState, type Image, type Provenance } from '../proto/gen/merge/image/v1/image.ts'
import type { Paint } from './command.ts'
import { plain, time } from './units.ts'
import { word } from './words.ts'

type Facts = readonly (readonly [string, string])[]

/** Where an image comes from and how long it stays, as far as somebody knows. */
export function originFacts(paint: Paint, image: Image): Facts {
  return [...ancestry(paint, image), ...buildFacts(image), ...customFacts(image)]
}

function ancestry(paint: Paint, { parent, withdrawnAncestor }: Image): Facts {
  if (parent === '') return []
  if (withdrawnAncestor === undefined) return [['Made of', parent]]
  const { state, message } = withdrawnAncestor
  const colour = state === ImageState.IMAGE_STATE_REVOKED ? 'red' : 'yellow'
  return [
    ['Made of', parent],
    [`Ancestor ${word(ImageState, state)}`, paint(colour, plain(message))],
  ]
}

function buildFacts({ provenance }: Image): Facts {
  if (provenance === undefined) return []
  const { build, builder, startTime, endTime } = provenance
  const optional: Facts = [
    ['Inputs', provenance.inputsDigest],
    ['Log digest', provenance.logDigest],
    ['Link', provenance.link],
  ]
  const until = endTime === undefined ? 'now: it is still checked' : time(endTime)
  return [
    ...importFacts(provenance),
    ['Build', `${build} by ${plain(builder)}, ${time(startTime)} to ${until}`],
    ...(provenance.origin === undefined ? [['Recipe', recipeText(provenance)] as const] : []),
    ...optional.filter(([, value]) => value !== ''),
  ]
}

function recipeText({ recipe, recipeVersion }: Provenance): string {
  return recipe === '' ? 'none: it was built elsewhere' : `${recipe}, version ${recipeVersion}`
}

function importFacts({ origin }: Provenance): Facts {
  if (origin === undefined) return []
  const { source, sourceVersion, url, itemVersion, parts } = origin
  return [
    ['Imported from', `${plain(url)}, by ${source}, version ${sourceVersion}`],
    ['Version there', plain(itemVersion)],
    ...parts.map(({ kind, name, version }): Facts[number] => [
      kind === 'kernel' ? 'Kernel there' : 'Initramfs there',
      `${plain(name)}, version ${plain(version)}`,
    ]),
  ]
}

function customFacts({ name, custom }: Image): Facts {
  if (custom === undefined) return []
  const { facility, expireTime, shared } = custom
  const who = shared ? 'other facilities may have it' : 'other facilities may not have it'
  return [
    ['Kept at', `${facility} only; ${who}`],
    ['Expires', `${time(expireTime)}: \`mrg-image renew ${name}\` gives it more time`],
  ]
}
