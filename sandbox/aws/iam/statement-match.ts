/** Whether a statement is about a call, principals aside. */

import { matchesGlob } from '../glob.ts';
import type { Entry, ParsedStatement } from './policy-document.ts';
import type { RequestContext } from './request-context.ts';
import { matchesIgnoringCase, resolved } from './text-pattern.ts';

/** One call: `service:Action` and an ARN, or `*` for an action that knows no resource. */
export interface Call {
  readonly action: string;
  readonly resource: string;
}

/** Actions are matched without regard to case ("IAM JSON policy elements: Action"). */
export function entryMatchesAction(entry: Entry, action: string, context: RequestContext): boolean {
  const tokens = resolved(entry.pattern, context);
  return tokens !== undefined && matchesIgnoringCase(tokens, action);
}

/** Undefined when a variable of the entry has no value. A wildcard of a resource may reach over slashes and colons. */
export function entryMatchesResource(entry: Entry, resource: string, context: RequestContext): boolean | undefined {
  const tokens = resolved(entry.pattern, context);
  return tokens && matchesGlob(tokens, resource);
}

export function matchesActions({ actions }: ParsedStatement, action: string, context: RequestContext): boolean {
  return actions.entries.some((entry) => entryMatchesAction(entry, action, context)) !== actions.negated;
}

/** An entry whose variable has no value matches nothing; in NotResource it makes the statement invalid. */
export function matchesResources({ resources }: ParsedStatement, resource: string, context: RequestContext): boolean {
  if (resources === undefined) return true;
  const outcomes = resources.entries.map((entry) => entryMatchesResource(entry, resource, context));
  return resources.negated ? outcomes.every((outcome) => outcome === false) : outcomes.includes(true);
}

export function meetsConditions({ conditions }: ParsedStatement, context: RequestContext): boolean {
  return conditions.every((condition) => condition(context));
}

export function isAbout(statement: ParsedStatement, call: Call, context: RequestContext): boolean {
  return (
    matchesActions(statement, call.action, context) &&
    matchesResources(statement, call.resource, context) &&
    meetsConditions(statement, context)
  );
}
