/**
 * An environment whose targets' zips run, without a directory: a test puts decisions into the grants table itself, and sync-roles makes them
 * so.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { App, TerraformStack } from 'cdktf';
import { dynamoDbGrants } from '../../handlers/access/dynamodb-grants.ts';
import type { PrincipalGrants } from '../../handlers/access/grants.ts';
import { roleEntry } from '../../handlers/access/role-entry.ts';
import { ActiveDirectoryIntegration, type TargetProps } from '../../modules/index.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { createPermissionSets, enableIdentityTokens, targetsOf } from '../../sandbox/role-targets.ts';
import { createRuntime, type Runtime } from '../../sandbox/runtime/index.ts';
import type { AppliedStack } from '../../sandbox/terraform/applied-stack.ts';
import { applyStack } from '../../sandbox/terraform/apply-stack.ts';
import { leastProps } from '../modules/integration.ts';
import { clientOf } from './aws/endpoint-fixture.ts';

export const account = '111122223333';
export const otherAccount = '444455556666';
const region = 'eu-central-2';

export interface RunningTargets {
  readonly endpoint: AwsEndpoint;
  readonly stack: AppliedStack;
  readonly runtime: Runtime;
  /** Puts a decision into the grants table, and tells the target's sync-roles of it. */
  decide(target: string, item: PrincipalGrants): Promise<void>;
  stop(): Promise<void>;
}

export interface RunningTargetsProps {
  readonly target: TargetProps;
  /** What stands in the stack of the other account, where Identity Center then is. */
  readonly otherAccount?: (stack: TerraformStack) => void;
  /** `host:port` of what the functions reach beside AWS. */
  readonly internet?: readonly string[];
}

export async function runningTargets({ target, otherAccount: others, internet = [] }: RunningTargetsProps): Promise<RunningTargets> {
  const outdir = mkdtempSync(join(tmpdir(), 'running-targets-'));
  const app = new App({ outdir });
  const stackOf = (name: string, owner: string, build: (stack: TerraformStack) => void): string => {
    const stack = new TerraformStack(app, name);
    new AwsProvider(stack, 'aws', { region, allowedAccountIds: [owner] });
    build(stack);
    return join(outdir, 'stacks', name);
  };
  const own = stackOf('own', account, (stack) => {
    new ActiveDirectoryIntegration(stack, 'integration', { ...leastProps, region, targets: [target] });
  });
  const other = others && stackOf('other', otherAccount, others);
  app.synth();
  const identityCenter = other === undefined ? {} : { identityCenterAccount: otherAccount };
  const endpoint = await startEndpoint({ region, account, identityStoreId: 'd-1234567890', ...identityCenter });
  const stack = await applyStack({ stackDirectory: own, endpoint, variables: {} });
  // The roles that it trusts are there by now: AWS refuses a trust policy that names others.
  if (other !== undefined) await applyStack({ stackDirectory: other, endpoint, account: otherAccount, variables: {} });
  await createPermissionSets(endpoint, targetsOf(stack));
  await enableIdentityTokens(endpoint, targetsOf(stack));
  const runtime = createRuntime({ endpoint, stack, hosts: {}, internet });
  await runtime.start();
  runtime.pauseSchedules();
  const grants = dynamoDbGrants(new DynamoDBClient(clientOf(endpoint)), 'ad-lambda-test-grants');
  return {
    endpoint,
    stack,
    runtime,
    async decide(name, item) {
      await grants.replace(item, item.revision > 1 ? { revision: item.revision - 1 } : undefined);
      const cause = { ...item.cause, detectedAt: item.decidedAt };
      const entry = roleEntry({ domain: item.domain, guid: item.subject.guid, revision: item.revision, cause });
      const QueueUrl = stack.functions.get(`ad-lambda-test-sync-roles-${name}`)?.environment.ROLE_QUEUE_URL;
      await endpoint.call('operator', 'sqs', 'SendMessage', { QueueUrl, ...entry });
    },
    async stop() {
      await runtime.stop();
      await endpoint.close();
      rmSync(outdir, { recursive: true });
    },
  };
}
