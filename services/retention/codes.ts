import type { Action, Decision, Rule } from '../../lib/retention/plan.ts'
import {
  ItemOutcome,
  RetentionAction,
  RetentionRule,
  RunState,
} from '../../proto/gen/merge/image/v1/retention.ts'

// How the API says what the planner and the tables say in words.

export const rules: Readonly<Record<Rule, RetentionRule>> = {
  'no-policy': RetentionRule.RETENTION_RULE_NO_POLICY,
  needed: RetentionRule.RETENTION_RULE_NEEDED,
  newest: RetentionRule.RETENTION_RULE_NEWEST,
  monthly: RetentionRule.RETENTION_RULE_MONTHLY,
  quarterly: RetentionRule.RETENTION_RULE_QUARTERLY,
  'minimum-age': RetentionRule.RETENTION_RULE_MINIMUM_AGE,
  used: RetentionRule.RETENTION_RULE_USED,
  'not-yet': RetentionRule.RETENTION_RULE_NOT_YET,
  'archive-after': RetentionRule.RETENTION_RULE_ARCHIVE_AFTER,
  'expire-after': RetentionRule.RETENTION_RULE_EXPIRE_AFTER,
  'time-to-live': RetentionRule.RETENTION_RULE_TIME_TO_LIVE,
  'size-cap': RetentionRule.RETENTION_RULE_SIZE_CAP,
}

export const actions: Readonly<Record<Action, RetentionAction>> = {
  keep: RetentionAction.RETENTION_ACTION_KEEP,
  archive: RetentionAction.RETENTION_ACTION_ARCHIVE,
  expire: RetentionAction.RETENTION_ACTION_EXPIRE,
}

/** The action that a filter asks for; empty for all. */
export function actionName(code: RetentionAction): Action | '' {
  const names: readonly Action[] = ['keep', 'archive', 'expire']
  return names.find((name) => actions[name] === code) ?? ''
}

export const states = {
  planned: RunState.RUN_STATE_PLANNED,
  waiting: RunState.RUN_STATE_WAITING,
  applying: RunState.RUN_STATE_APPLYING,
  done: RunState.RUN_STATE_DONE,
  lapsed: RunState.RUN_STATE_LAPSED,
} as const
export type RunStateName = keyof typeof states

export const outcomes = {
  '': ItemOutcome.ITEM_OUTCOME_UNSPECIFIED,
  done: ItemOutcome.ITEM_OUTCOME_DONE,
  left: ItemOutcome.ITEM_OUTCOME_LEFT,
} as const
export type OutcomeName = keyof typeof outcomes

/** Whether something is to be done with the image. */
export function goes({ action }: Pick<Decision, 'action'>): boolean {
  return action !== 'keep'
}
