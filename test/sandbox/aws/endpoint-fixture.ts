/** An endpoint for one test file, and the roles and credentials to call it with. */
import { afterAll } from 'vitest';
import { type AwsEndpoint, type Credentials, type EndpointOptions, startEndpoint } from '../../../sandbox/aws/endpoint.ts';
import type { PolicyDocument, Statement } from '../../../sandbox/aws/iam/index.ts';

export const account = '111122223333';
/** The AWS CLI v1 overrides AWS_ENDPOINT_URL for SQS in regions that had an old-style queue host; this one never had. */
export const region = 'eu-central-2';
export const identityStoreId = 'd-1234567890';

export async function endpointForTests(options: Partial<EndpointOptions> = {}): Promise<AwsEndpoint> {
  const endpoint = await startEndpoint({ region, account, identityStoreId, ...options });
  afterAll(() => endpoint.close());
  return endpoint;
}

/** What an SDK client takes to call the endpoint. */
export const clientOf = (endpoint: AwsEndpoint, credentials: Credentials = endpoint.operator) => ({
  endpoint: endpoint.url,
  region,
  credentials: { ...credentials },
  maxAttempts: 1,
});

const trustLambda: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

/** Defines a role with one policy and returns its ARN. */
export function roleAllowed(endpoint: AwsEndpoint, name: string, statements: Statement[]): string {
  const arn = `arn:aws:iam::${account}:role/${name}`;
  const policies = statements.length > 0 ? [{ name: `${name}-policy`, document: { Version: '2012-10-17', Statement: statements } }] : [];
  endpoint.defineRole({ arn, trustPolicy: trustLambda, policies });
  return arn;
}

export const allow = (Action: string | string[], Resource: string | string[]): Statement => ({ Effect: 'Allow', Action, Resource });

/** The error a call fails with. */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('the call was expected to fail');
}

export async function eventually<T>(probe: () => Promise<T | undefined> | T | undefined, timeoutMs = 5000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`nothing came within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
