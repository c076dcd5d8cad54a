/**
 * Which records of a batch failed, from what the function answered
 * (AWS Lambda Developer Guide, "Implementing partial batch responses").
 */
import type { EventSourceMapping } from '../terraform/applied-stack.ts';
import type { InvocationResult } from './function-host.ts';

/** @returns identifiers of the failed records, in the batch's order; empty when all succeeded */
export function failedRecords(mapping: EventSourceMapping, identifiers: readonly string[], result: InvocationResult): readonly string[] {
  if (result.outcome.error !== undefined) return identifiers;
  if (!mapping.reportsItemFailures) return [];
  const failures = reportedFailures(result.outcome.payload);
  // An answer that is not understood, or names a record that is not in the batch, fails the batch as a whole.
  if (failures === undefined || failures.some((failure) => !identifiers.includes(failure))) return identifiers;
  return identifiers.filter((identifier) => failures.includes(identifier));
}

function reportedFailures(payload: string): readonly string[] | undefined {
  const answer = JSON.parse(payload) as { batchItemFailures?: readonly { itemIdentifier?: unknown }[] | null } | null;
  const failures = answer?.batchItemFailures;
  if (failures === undefined || failures === null) return [];
  if (!Array.isArray(failures)) return undefined;
  const identifiers = failures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier);
  return identifiers.every((identifier) => typeof identifier === 'string' && identifier !== '') ? (identifiers as string[]) : undefined;
}
