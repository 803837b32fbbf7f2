import type {
  FilledDefault,
  RejectedImage,
  ResolveRule,
  ResolveWarning,
} from '../../proto/gen/merge/image/v1/resolver.ts'
import type { Rejection } from './explain.ts'
import { renderImageName } from './name.ts'
import { renderRule } from './parsed.ts'
import type { Resolution } from './resolve.ts'

/** A resolution as it is sent. */
export function renderResolution(resolution: Resolution): {
  rule: ResolveRule
  defaults: FilledDefault[]
  warnings: ResolveWarning[]
} {
  return {
    rule: renderRule(resolution.rule),
    defaults: resolution.defaults.map((filled) => ({ ...filled })),
    warnings: resolution.warnings.map((warning) => ({ ...warning })),
  }
}

export function renderRejections(rejections: readonly Rejection[]): RejectedImage[] {
  return rejections.map(({ image, rule, why }) => ({
    name: renderImageName(image.name),
    rule,
    why,
  }))
}
