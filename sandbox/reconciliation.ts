/** Drift in the sandbox: what somebody changes at Identity Center by hand, and the run of reconcile that finds it. */
import { functionSetting } from './function-setting.ts';
import type { Sandbox } from './sandbox.ts';

type Reconciled = Pick<Sandbox, 'endpoint' | 'stack' | 'runtime'>;

/** Takes every membership of this user away, as its operator does who looks at Identity Center alone. */
export async function endMembershipsByHand({ endpoint }: Pick<Sandbox, 'endpoint'>, UserId: string): Promise<void> {
  const IdentityStoreId = endpoint.identityStoreId;
  const store = (operation: string, input: Record<string, unknown>) =>
    endpoint.call('operator', 'identitystore', operation, { IdentityStoreId, ...input });
  const { GroupMemberships } = await store('ListGroupMembershipsForMember', { MemberId: { UserId } });
  for (const { MembershipId } of GroupMemberships as { MembershipId: string }[]) await store('DeleteGroupMembership', { MembershipId });
}

export interface Reconciliation {
  readonly findings: number;
  /** The page that it wrote. */
  readonly page: string;
}

/** A run of reconcile at this target, begun by hand. @throws Error when it does not come to its end */
export async function reconcileNow(sandbox: Reconciled, target: string): Promise<Reconciliation> {
  await letDecisionsAge(sandbox);
  const { functionError, payload } = await sandbox.runtime.invoke(`reconcile-${target}`, { now: true });
  const { state, findings = 0, report = [] } = (payload ?? {}) as { state?: string; findings?: number; report?: readonly string[] };
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+\.html)$/.exec(report.find((place) => place.endsWith('.html')) ?? '') ?? [];
  if (functionError !== undefined || state !== 'completed' || Bucket === undefined)
    throw new Error(`reconcile of ${target} did not come to its end: ${functionError ?? JSON.stringify(payload)}`);
  const { Body } = await sandbox.endpoint.call('operator', 's3', 'GetObject', { Bucket, Key });
  return { findings, page: (Body as Buffer).toString('utf8') };
}

/** reconcile leaves alone what was decided within the last minutes, as it may be on its way: nobody waits for them here. */
async function letDecisionsAge({ endpoint, stack }: Reconciled): Promise<void> {
  const TableName = functionSetting(stack, 'GRANTS_TABLE');
  const earlier = new Date(Date.now() - 3_600_000).toISOString();
  const { Items } = await endpoint.call('operator', 'dynamodb', 'Scan', {
    TableName,
    FilterExpression: 'sk = :grants',
    ExpressionAttributeValues: { ':grants': { S: 'grants' } },
  });
  for (const { pk, sk } of Items as Record<'pk' | 'sk', unknown>[]) {
    await endpoint.call('operator', 'dynamodb', 'UpdateItem', {
      TableName,
      Key: { pk, sk },
      UpdateExpression: 'SET decidedAt = :earlier',
      ExpressionAttributeValues: { ':earlier': { S: earlier } },
    });
  }
}
