import type { Catalogue, Distro } from './catalogue.ts'
import { clausesOf, clauseTest, isOfLine, type Clause, type Test } from './clause.ts'
import { assumptions, type Filled, type Surroundings } from './defaults.ts'
import { eligibility, type Context, type Ineligible } from './eligibility.ts'
import { distroKey, type Image, type ImageIndex, type LineImages } from './images.ts'
import { compareAge } from './order.ts'
import type { Reference } from './reference.ts'

/** One condition that a candidate has to meet. */
export interface Step {
  readonly rule: 'CLAUSE' | 'DEFAULT'
  readonly text: string
  /** Whether the answer is the same for every image of a line. */
  readonly ofLine: boolean
  readonly fits: Test
}

/** The images of a namespace and distro, and what the wanted one has to be like. */
export interface Selection {
  readonly distro: Distro
  /** Lines of newer releases first. */
  readonly lines: readonly LineImages[]
  readonly clauses: readonly Clause[]
  /** Those that take or leave whole lines come first. */
  readonly steps: readonly Step[]
  readonly ineligible: (image: Image) => Ineligible | undefined
  /** What a free role and architecture became. */
  readonly assumed: readonly Filled[]
}

/** A reference that leaves something free. */
type OpenReference = Extract<Reference, { readonly kind: 'partial' | 'constraint' }>

export function select(
  reference: OpenReference,
  { catalogue, images }: { readonly catalogue: Catalogue; readonly images: ImageIndex },
  context: Context & Surroundings,
): Selection {
  const { namespace, distro } = reference
  const clauses = reference.kind === 'partial' ? clausesOf(reference.fields) : reference.clauses
  const assumed = assumptions(clauses, catalogue, context)
  const step = (rule: Step['rule'], clause: Clause): Step => ({
    rule,
    text: clause.text,
    ofLine: isOfLine(clause),
    fits: clauseTest(clause, distro),
  })
  return {
    distro,
    lines: images.byDistro.get(distroKey({ namespace, distro: distro.id }))?.lines ?? [],
    clauses,
    steps: wholeLinesFirst([
      ...clauses.map((clause) => step('CLAUSE', clause)),
      ...assumed.map(({ clause }) => step('DEFAULT', clause)),
    ]),
    ineligible: eligibility(distro, namedReleases(clauses), context),
    assumed: assumed.map(({ filled }) => filled),
  }
}

/** The newest eligible image that meets every condition. */
export function newest({ distro, lines, steps, ineligible }: Selection): Image | undefined {
  const ofLine = every(steps.filter((step) => step.ofLine))
  const ofImage = every(steps.filter((step) => !step.ofLine))
  const isWanted = (image: Image): boolean => ofImage(image.name) && ineligible(image) === undefined
  let best: Image | undefined
  for (const images of lines) {
    const { name } = images[0]
    if (best !== undefined && best.name.release !== name.release) break
    if (!ofLine(name)) continue
    const found = images.find(isWanted)
    if (found === undefined) continue
    if (best === undefined || compareAge(best.name, found.name, distro) < 0) best = found
  }
  return best
}

/** The lines with those of their images that meet a condition. */
export function narrow(
  lines: readonly LineImages[],
  { ofLine, fits }: Step,
): readonly LineImages[] {
  if (ofLine) return lines.filter(([{ name }]) => fits(name))
  return lines.flatMap((images) => {
    const [first, ...rest] = images.filter(({ name }) => fits(name))
    return first === undefined ? [] : [[first, ...rest]]
  })
}

/** The releases that a reference names are taken even before their time and after it. */
function namedReleases(clauses: readonly Clause[]): ReadonlySet<string> {
  const naming = clauses.filter(({ op }) => op === '=' || op === '>=' || op === '<=')
  return new Set(naming.flatMap(({ fields }) => fields.release ?? []))
}

function every(steps: readonly Step[]): Test {
  const tests = steps.map(({ fits }) => fits)
  return (name) => {
    for (const fits of tests) if (!fits(name)) return false
    return true
  }
}

function wholeLinesFirst(steps: readonly Step[]): readonly Step[] {
  return [...steps].sort((a, b) => Number(b.ofLine) - Number(a.ofLine))
}
