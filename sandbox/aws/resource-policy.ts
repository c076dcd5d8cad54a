import { AwsError } from './error.ts';
import type { PolicyDocument } from './iam/index.ts';
import type { Authorization } from './service.ts';

/** A resource's policy text as a question to IAM carries it; nothing where the resource has none. */
export function resourcePolicy(name: string, text: string | undefined): Pick<Authorization, 'resourcePolicy'> {
  return text ? { resourcePolicy: { name, document: JSON.parse(text) as PolicyDocument } } : {};
}

/** Refuses a policy text that is not JSON, with the code the service documents. */
export function checkPolicyText(text: string, code: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new AwsError(code, `the policy is not JSON: ${text.slice(0, 100)}`);
  }
}

/** Whether a statement allows something to whoever asks: a wildcard principal that no condition narrows. AWS reasons about conditions too. */
export function grantsToAnybody(policy: string): boolean {
  const { Statement: given } = JSON.parse(policy) as PolicyDocument;
  const anybody = (principal: unknown): boolean => [principal].flat().includes('*');
  return [given]
    .flat()
    .some(
      ({ Effect, Principal, Condition }) =>
        Effect === 'Allow' &&
        Condition === undefined &&
        (typeof Principal === 'object' ? Object.values(Principal).some(anybody) : anybody(Principal)),
    );
}
