/** Calls that Terraform made, as IAM is asked for them, and the record of them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Asked } from './authorization.ts';

/** In order: everything is created, looked at again, changed, and destroyed. */
export const steps = ['apply', 'plan', 'update', 'destroy'] as const;
export type Step = (typeof steps)[number];

export interface RecordedCall extends Asked {
  readonly steps: readonly Step[];
}

export interface Recording {
  readonly environment: (typeof recordedEnvironments)[number];
  /** Types of resources that the test server cannot keep, left out of what was applied. */
  readonly leftOut: readonly string[];
  readonly calls: readonly RecordedCall[];
}

/** What was applied, each in a file of its own. */
export const recordedEnvironments = ['dev', 'staging'] as const;

export const recordingPath = (environment: string): string =>
  fileURLToPath(new URL(`terraform-calls.${environment}.json`, import.meta.url));

/** @throws when one is missing: node test/federation/record-terraform-calls.ts makes it */
export const recordings = (): readonly Recording[] =>
  recordedEnvironments.map((environment) => JSON.parse(readFileSync(recordingPath(environment), 'utf8')) as Recording);

/** A call a line, so that a record made anew shows what differs. */
export function recordingText({ calls, ...rest }: Recording): string {
  const lines = calls.map((call) => `  ${JSON.stringify(call)}`).join(',\n');
  return `${JSON.stringify(rest).slice(0, -1)},"calls":[\n${lines}\n]}\n`;
}

/** Each call once, with the steps that made it. */
export function onceEach(calls: readonly (Asked & { readonly step: Step })[]): readonly RecordedCall[] {
  const groups = Map.groupBy(calls, ({ action, resource, context }) => JSON.stringify([action, resource, context]));
  return [...groups.values()]
    .flatMap((group) =>
      group.slice(0, 1).map(({ step: _, ...call }) => ({ ...call, steps: steps.filter((one) => group.some(({ step }) => step === one)) })),
    )
    .sort((one, other) => (`${one.action} ${one.resource}` < `${other.action} ${other.resource}` ? -1 : 1));
}
