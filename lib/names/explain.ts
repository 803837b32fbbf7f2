import type { Ineligible } from './eligibility.ts'
import { inWords } from './eligibility.ts'
import type { Image } from './images.ts'
import { renderImageName } from './name.ts'
import { compareAge } from './order.ts'
import { parseReference } from './reference.ts'
import { wordsOf, type Context, type World } from './resolve.ts'
import { newest, select, type Selection } from './selection.ts'

/** A candidate that was not it. */
export interface Rejection {
  readonly image: Image
  readonly rule: 'CLAUSE' | 'DEFAULT' | Ineligible | 'OLDER'
  /** The same as words for people. */
  readonly why: string
}

/**
 * Every image of the distro that a reference did not mean, with the first rule that rejected it, newest first. An exact
 * name and an alias have no candidates. It explains NO_MATCH too.
 */
export function explain(world: World, text: string, context: Context): readonly Rejection[] {
  const reference = parseReference(text, wordsOf(world))
  if (reference.kind === 'exact' || reference.kind === 'alias') return []
  const selection = select(reference, world, context)
  const chosen = newest(selection)
  return candidates(selection)
    .filter((image) => image !== chosen)
    .map((image) => ({ image, ...rejection(image, selection, chosen) }))
}

function candidates({ lines, distro }: Selection): readonly Image[] {
  return lines.flat().sort((a, b) => compareAge(b.name, a.name, distro))
}

function rejection(
  image: Image,
  { steps, ineligible }: Selection,
  chosen: Image | undefined,
): Omit<Rejection, 'image'> {
  const step = steps.find(({ fits }) => !fits(image.name))
  if (step !== undefined) return { rule: step.rule, why: `does not fit ${step.text}` }
  const rule = ineligible(image)
  if (rule !== undefined) return { rule, why: `is ${inWords[rule]}` }
  const newer = chosen === undefined ? 'another' : renderImageName(chosen.name)
  return { rule: 'OLDER', why: `is older than ${newer}` }
}
