import type { Ineligible } from './eligibility.ts'
import { inWords } from './eligibility.ts'
import type { Image, LineImages } from './images.ts'
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
 * The images of the distro that a reference did not mean, newest first and `most` of them, each with the first rule that
 * rejected it. An exact name and an alias have no candidates. It explains NO_MATCH too.
 */
export function explain(
  world: World,
  text: string,
  context: Context,
  most = Infinity,
): readonly Rejection[] {
  const reference = parseReference(text, wordsOf(world))
  if (reference.kind === 'exact' || reference.kind === 'alias') return []
  const selection = select(reference, world, context)
  const chosen = newest(selection)
  return candidates(selection, most + 1)
    .filter((image) => image !== chosen)
    .slice(0, most)
    .map((image) => ({ image, ...rejection(image, selection, chosen) }))
}

/** Newer releases come first, so that those which are too many need not be sorted. */
function candidates({ lines, distro }: Selection, most: number): readonly Image[] {
  const found: Image[] = []
  for (const ofRelease of Map.groupBy(lines, ([{ name }]) => name.release).values()) {
    if (found.length >= most) break
    const images = ofRelease.flatMap((line: LineImages) => line.slice(0, most))
    images.sort((a, b) => compareAge(b.name, a.name, distro))
    for (const image of images) found.push(image)
  }
  return found.slice(0, most)
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
