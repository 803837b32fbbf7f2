import { ParseReferenceResponse, ResolveRule } from '../../proto/gen/merge/image/v1/resolver.ts'
import { renderBuild, renderWrittenBuild } from './build.ts'
import type { Clause } from './clause.ts'
import { fieldNames, renderFields, type FieldName, type Fields } from './fields.ts'
import { renderAliasName } from './name.ts'
import type { Reference } from './reference.ts'
import type { Resolution } from './resolve.ts'

const rules: Readonly<Record<Resolution['rule'], ResolveRule>> = {
  exact: ResolveRule.RESOLVE_RULE_EXACT,
  alias: ResolveRule.RESOLVE_RULE_ALIAS,
  partial: ResolveRule.RESOLVE_RULE_PARTIAL,
  constraint: ResolveRule.RESOLVE_RULE_CONSTRAINT,
}

/** How a reference was read, as it is sent. */
export function renderRule(rule: Reference['kind']): ResolveRule {
  return rules[rule]
}

/** A reference as it was read, as it is sent. */
export function renderReference(reference: Reference, generation: bigint): ParseReferenceResponse {
  return ParseReferenceResponse.fromPartial({
    ...fieldsOf(reference),
    rule: renderRule(reference.kind),
    warnings: reference.warnings.map((warning) => ({ ...warning })),
    generation,
  })
}

type Rendered = Partial<ParseReferenceResponse>

function fieldsOf(reference: Reference): Rendered {
  switch (reference.kind) {
    case 'exact': {
      const { name, sha256 } = reference
      const build = renderBuild(name.build)
      return { ...name, build, ...(sha256 === undefined ? {} : { digest: `sha256:${sha256}` }) }
    }
    case 'alias': {
      const { alias } = reference
      return { namespace: alias.namespace, alias: renderAliasName(alias) }
    }
    case 'partial': {
      const { namespace, distro, fields } = reference
      const { build, ...rest } = fields
      const written = build === undefined ? {} : { build: renderWrittenBuild(build) }
      return { ...rest, ...written, namespace, distro: distro.id }
    }
    case 'constraint': {
      const { namespace, distro, clauses } = reference
      return { namespace, distro: distro.id, clauses: clauses.flatMap(renderClause) }
    }
  }
}

/** A clause in the one spelling that all of its kind have: what equals is a clause for each field. */
export function renderClause({ op, fields }: Clause): readonly string[] {
  const given = fieldNames.filter((field) => fields[field] !== undefined)
  if (op === '=' || given.length === 1) {
    return given.map((field) => `${field} ${op} ${written(field, fields)}`)
  }
  const { build, ...others } = fields
  const last = build === undefined ? '' : `-${renderWrittenBuild(build)}`
  return [`${op} ${renderFields(others)}${last}`]
}

function written(field: FieldName, { build, ...others }: Fields): string {
  if (field !== 'build') return String(others[field])
  return build === undefined ? '' : renderWrittenBuild(build)
}
