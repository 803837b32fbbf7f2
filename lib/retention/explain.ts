import { renderLine } from '../names/name.ts'
import { planRetention, type Decision } from './plan.ts'
import type { Policy } from './policy.ts'
import { keepRules, sayRule, type KeepRule } from './rules.ts'
import { seriesOf } from './series.ts'
import { ruleSentence, sentence } from './words.ts'
import type { World } from './world.ts'

/** Why an image is still here, or why and when it will go. */
export interface Explanation {
  readonly decision: Decision
  /** The whole, as a sentence or two. */
  readonly message: string
  /** What each rule of its policy says, in their order; none without a policy. */
  readonly rules: readonly {
    readonly rule: KeepRule
    readonly keeps: boolean
    readonly message: string
  }[]
}

/** Explains one image of a world, which holds its whole line; undefined if it is not there or has expired. */
export function explain(
  world: World,
  policies: readonly Policy[],
  name: string,
): Explanation | undefined {
  const decision = planRetention(world, policies).find(({ image }) => image.name === name)
  if (decision === undefined) return undefined
  return { decision, message: told(decision), rules: rulesOf(decision, world) }
}

function told(decision: Decision): string {
  const { action, due, rule } = decision
  const next = nextStep(decision)
  if (action !== 'keep' || due === undefined || rule === 'needed') return sentence(decision)
  return `${sentence(decision)} Then ${next}, unless something needs it.`
}

function nextStep({ policy, image }: Decision): string {
  const archives = (policy?.archiveAfterDays ?? 0) > 0 && image.storage === 'present'
  return archives && image.expires === undefined ? 'it goes to the archive' : 'it goes'
}

function rulesOf(decision: Decision, { images, now }: World): Explanation['rules'] {
  const { image, policy } = decision
  if (policy === undefined) return []
  const line = renderLine(image.parsed)
  const series = seriesOf(images.filter(({ parsed }) => renderLine(parsed) === line))
  return keepRules.map((rule) => {
    const said = sayRule(rule, { image, policy, series, now })
    return { rule, keeps: said.keeps, message: ruleSentence(rule, decision, said) }
  })
}
