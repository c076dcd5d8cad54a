/** Runbooks, a page each in docs/runbooks/, and which of them an alarm points to. */
import type { FunctionName } from '../../handlers/functions.ts';

export const runbooks = [
  'directory-unreachable',
  'guard-tripped',
  'dead-letter-queue',
  'cursor-reset',
  'rotation-failed',
  'target-down',
  'deleted-ou',
  'region-lost',
  'break-glass',
  'audit-trail-broken',
] as const;
export type Runbook = (typeof runbooks)[number];

/** Where the pages are, seen from this repository: synth does not know where a team reads it. */
export const defaultRunbookBaseUrl = 'docs/runbooks';

export const runbookLink = ({ runbookBaseUrl }: { readonly runbookBaseUrl: string }, runbook: Runbook): string =>
  `${runbookBaseUrl}/${runbook}.md`;

/** What an alarm on a function, or on the queue that it works off, points to. */
export const runbookOf: Readonly<Record<FunctionName, Runbook>> = {
  'detect-changes': 'directory-unreachable',
  'publish-changes': 'dead-letter-queue',
  'read-security-log': 'dead-letter-queue',
  'decide-access': 'dead-letter-queue',
  'sync-roles': 'target-down',
  reconcile: 'target-down',
  'settle-guard': 'guard-tripped',
  'rotate-credential': 'rotation-failed',
  'record-audit': 'audit-trail-broken',
  'close-audit': 'audit-trail-broken',
  'review-access': 'dead-letter-queue',
};

/** Without these a change of the directory does not become a role. Whether detect-changes does its work, its lag tells, not its errors. */
export const carriesFlow: ReadonlySet<FunctionName> = new Set<FunctionName>(['publish-changes', 'decide-access', 'sync-roles']);
