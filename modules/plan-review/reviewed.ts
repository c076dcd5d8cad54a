/** A plan with all that rules judge it by. */
import type { AccessDifference } from './access/access-difference.ts';
import type { AccessEffects } from './access/access-effects.ts';
import type { AccessObjects } from './access/access-objects.ts';
import type { PolicyChange } from './permissions/planned-policies.ts';
import type { ReviewedPlan } from './plan.ts';

export interface Reviewed {
  readonly plan: ReviewedPlan;
  readonly policies: readonly PolicyChange[];
  /** The account that the plan is about, where its ARNs tell. */
  readonly account: string | undefined;
  readonly access: {
    readonly objects: AccessObjects;
    readonly difference: AccessDifference;
    /** Undefined: no mirror was given, or one side cannot be evaluated. */
    readonly effects: AccessEffects | undefined;
  };
}

export const severities = ['note', 'warning', 'error'] as const;
export type Severity = (typeof severities)[number];

/** What a rule found at one resource. */
export interface Place {
  readonly address: string;
  /** What is wrong there, with the values; never a secret. */
  readonly detail: string;
}

export type Check = (reviewed: Reviewed) => readonly Place[];

export interface Rule {
  /** Stable: code hosts remember findings by it. */
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly why: string;
  readonly remedy: string;
  readonly check: Check;
}

export interface Finding extends Place {
  readonly rule: string;
  readonly severity: Severity;
}
