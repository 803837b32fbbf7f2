import { Failure, missing } from '../failure.ts'
import type { Catalogue } from './catalogue.ts'
import { inWords } from './eligibility.ts'
import { imagesOfLine, type Image, type ImageIndex } from './images.ts'
import { renderImageName, type ImageName } from './name.ts'
import { readPartial } from './partial.ts'
import { narrow, type Selection, type Step } from './selection.ts'
import type { Vocabulary } from './word.ts'

/** No image has this exact name; if a word of it is wrong, which one. */
export function noImage(
  name: ImageName,
  { catalogue, images }: { readonly catalogue: Catalogue; readonly images: ImageIndex },
): Failure {
  const text = renderImageName(name)
  const line: readonly Image[] = imagesOfLine(images, name) ?? []
  const newest = line.find(mayBeUsed) ?? line[0]
  if (newest !== undefined) {
    const message = `No image is named ${text}; the newest of its line is ${renderImageName(newest.name)}`
    return missing('NOT_FOUND', message)
  }
  const roles = images.roles.get(name.namespace) ?? new Set()
  const wrong = wrongWord(text.slice(text.indexOf('/') + 1), { catalogue, roles })
  return missing(
    'NOT_FOUND',
    `No image is named ${text}; ${wrong?.message ?? 'its line has none at all'}`,
    wrong?.facts,
  )
}

function mayBeUsed({ state, storage }: Image): boolean {
  return state === 'released' && storage === 'present'
}

/** Nothing fits a reference; the message says which condition left nothing over. */
export function noMatch(text: string, selection: Selection): Failure {
  const none = (why: string, facts = {}): Failure =>
    missing('NO_MATCH', `No eligible image fits "${text.trim()}": ${why}`, facts)
  let { lines } = selection
  if (lines.length === 0) return none(`there is no image of ${selection.distro.display} at all`)
  for (const step of selection.steps) {
    lines = narrow(lines, step)
    if (lines.length === 0) return none(emptied(step), { clause: step.text })
  }
  const some = lines.slice(0, 3).flatMap((images) => images.slice(0, 3))
  return none(
    some
      .slice(0, 3)
      .map((image) => standing(image, selection))
      .join(', '),
  )
}

function emptied({ rule, text }: Step): string {
  return rule === 'CLAUSE'
    ? `nothing is left after "${text}"`
    : `nothing is left after "${text}", which is meant where nothing else is said`
}

function standing(image: Image, { ineligible }: Selection): string {
  const why = ineligible(image)
  return `${renderImageName(image.name)} is ${why === undefined ? 'eligible' : inWords[why]}`
}

function wrongWord(text: string, vocabulary: Vocabulary): Failure | undefined {
  try {
    readPartial(text, vocabulary)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}
