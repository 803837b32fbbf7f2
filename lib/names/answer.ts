import {
  ResolveRule,
  type FilledDefault,
  type RejectedImage,
  type ResolveWarning,
} from '../../proto/gen/merge/image/v1/resolver.ts'
import type { Rejection } from './explain.ts'
import { renderImageName } from './name.ts'
import type { Resolution } from './resolve.ts'

const rules: Readonly<Record<Resolution['rule'], ResolveRule>> = {
  exact: ResolveRule.RESOLVE_RULE_EXACT,
  alias: ResolveRule.RESOLVE_RULE_ALIAS,
  partial: ResolveRule.RESOLVE_RULE_PARTIAL,
  constraint: ResolveRule.RESOLVE_RULE_CONSTRAINT,
}

/** A resolution as it is sent. */
export function renderResolution(resolution: Resolution): {
  rule: ResolveRule
  defaults: FilledDefault[]
  warnings: ResolveWarning[]
} {
  return {
    rule: rules[resolution.rule],
    defaults: resolution.defaults.map((filled) => ({ ...filled })),
    warnings: resolution.warnings.map((warning) => ({ ...warning })),
  }
}

const mostRejections = 1000

export function renderRejections(rejections: readonly Rejection[]): RejectedImage[] {
  return rejections
    .slice(0, mostRejections)
    .map(({ image, rule, why }) => ({ name: renderImageName(image.name), rule, why }))
}
