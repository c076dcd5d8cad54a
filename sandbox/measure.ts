/** Measures single changes: from the start of the poll that sees one to the role at Identity Center. */
import { changeAttribute, createUser } from './domain-controller/population.ts';
import { functionSetting, isDetectChanges } from './function-setting.ts';
import { identityStoreOf } from './identity-store.ts';
import { targetsOf } from './role-targets.ts';
import type { Sandbox } from './sandbox.ts';
import { guidOf } from './story.ts';
import { until } from './waiting.ts';

/** Latencies in milliseconds. */
export interface Measurement {
  readonly changes: number;
  readonly p50: number;
  readonly p99: number;
  readonly least: number;
  readonly most: number;
}

/**
 * Adds a person to a mapped group and takes them out again, `changes` times in all, one change at a time, each seen by a poll of its own.
 *
 * @throws Error when a change does not reach the role
 */
export async function measure(sandbox: Sandbox, changes: number, done: (count: number) => void): Promise<Measurement> {
  const { population, mappedGroupDn, runtime, endpoint } = sandbox;
  runtime.pauseSchedules();
  await runtime.idle();
  const store = identityStoreOf(sandbox);
  const dn = await createUser(population.admin, population.usersDn, 'Grace Example', {
    sAMAccountName: 'grace',
    displayName: 'Grace Example',
  });
  const guid = await guidOf(sandbox, dn);
  const latencies: number[] = [];
  // The first change also makes the account and the role at Identity Center: it is played, but it is no single change.
  for (let change = 0; change <= changes; change += 1) {
    const joins = change % 2 === 0;
    if (!joins) await forgetRemovals(sandbox);
    await changeAttribute(population.admin, mappedGroupDn, joins ? 'add' : 'delete', 'member', [dn]);
    const seen = endpoint.calls.length;
    const pollStart = Date.now();
    await poll(sandbox);
    const operation = joins ? 'CreateGroupMembership' : 'DeleteGroupMembership';
    const call = await until(
      `change ${change} at Identity Center`,
      async () =>
        endpoint.calls.slice(seen).find((one) => one.service === 'identitystore' && one.operation === operation && one.outcome === 'ok'),
      20_000,
      2,
    );
    if (change > 0) latencies.push(Math.round(call.at + call.durationMs - pollStart));
    await runtime.idle();
    const user = await store.userOf(guid);
    const roles = user === undefined ? [] : await store.rolesOf(user.UserId);
    if ((roles.length === 1) !== joins) throw new Error(`change ${change} left the roles ${JSON.stringify(roles)}`);
    done(change);
  }
  return { changes, ...quantiles(latencies) };
}

/** That one person loses everything again and again within the hour is what guards are there to stop: here it is meant. */
async function forgetRemovals({ endpoint, stack }: Sandbox): Promise<void> {
  const TableName = functionSetting(stack, 'GRANTS_TABLE');
  for (const { name } of targetsOf(stack)) {
    const Key = { pk: { S: `guard#${name}` }, sk: { S: 'state' } };
    await endpoint.call('operator', 'dynamodb', 'DeleteItem', { TableName, Key });
  }
}

/** One poll, started as the schedule starts it. */
export async function poll({ endpoint, stack }: Pick<Sandbox, 'endpoint' | 'stack'>): Promise<void> {
  const schedule = stack.schedules.find(({ targetArn }) => isDetectChanges(stack, targetArn.split(':').at(-1) ?? ''));
  if (schedule === undefined) throw new Error('the stack has no schedule: nothing polls the directory');
  await endpoint.call({ roleArn: schedule.roleArn, sessionName: 'scheduler' }, 'lambda', 'Invoke', {
    FunctionName: schedule.targetArn,
    InvocationType: 'Event',
    Payload: schedule.input,
  });
}

/** Nearest-rank quantiles of at least one value. */
function quantiles(values: readonly number[]): Omit<Measurement, 'changes'> {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), least: at(0), most: at(1) };
}
