/** Permissions that a role has and never used: what to remove, or to justify. */

import { type ParsedStatement, type PolicySource, parsePolicy } from './policy-document.ts';
import { type ContextRecord, type RequestContext, requestContext } from './request-context.ts';
import {
  type Call,
  entryMatchesAction,
  entryMatchesResource,
  matchesActions,
  matchesResources,
  meetsConditions,
} from './statement-match.ts';

export interface SeenCall extends Call {
  /** Condition keys of the call, the principal's tags included. Without it, conditions are taken as met, and variables have no value. */
  readonly context?: ContextRecord;
}

export interface SurplusPermission {
  readonly policy: string;
  readonly sid?: string;
  /** As the policy spells it; for NotAction `NotAction a, b`. */
  readonly action: string;
  /** As the policy spells it; for NotResource `NotResource a, b`. */
  readonly resource: string;
}

/**
 * One row for each action and resource of an Allow statement that no call exercised; one row in all for a statement with NotAction or
 * NotResource. A call exercises every statement that allows it. Deny statements grant nothing and are left out.
 *
 * @throws MalformedPolicyError @throws UnknownPolicyElementError
 */
export function surplus(policies: readonly PolicySource[], seen: readonly SeenCall[]): readonly SurplusPermission[] {
  const calls = seen.map((call) => ({ call, context: requestContext(call.context ?? {}) }));
  return policies
    .flatMap((policy) => parsePolicy(policy, 'identity'))
    .filter(({ effect }) => effect === 'Allow')
    .flatMap((statement) => unusedOf(statement, calls));
}

function unusedOf(statement: ParsedStatement, calls: readonly { call: SeenCall; context: RequestContext }[]): SurplusPermission[] {
  const { actions, resources } = statement;
  const row = (action: string, resource: string): SurplusPermission => {
    const { policy, sid } = statement;
    return sid === undefined ? { policy, action, resource } : { policy, sid, action, resource };
  };
  const applicable = calls.filter(({ call, context }) => call.context === undefined || meetsConditions(statement, context));

  if (actions.negated || resources?.negated) {
    const used = applicable.some(
      ({ call, context }) => matchesActions(statement, call.action, context) && matchesResources(statement, call.resource, context),
    );
    const spelled = (element: string, entries: ParsedStatement['actions'] | undefined) =>
      `${entries?.negated ? `${element} ` : ''}${entries?.entries.map(({ text }) => text).join(', ')}`;
    return used ? [] : [row(spelled('NotAction', actions), spelled('NotResource', resources))];
  }

  return actions.entries.flatMap((action) =>
    (resources?.entries ?? []).flatMap((resource) => {
      const used = applicable.some(
        ({ call, context }) => entryMatchesAction(action, call.action, context) && entryMatchesResource(resource, call.resource, context),
      );
      return used ? [] : [row(action.text, resource.text)];
    }),
  );
}
