/** 5,000 changes at once through the real functions: whether the shared budget is used, and never overdrawn. */
import { availableParallelism, loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { roleEntry } from '../../handlers/access/role-entry.ts';
import { parseTargetSettings } from '../../handlers/roles/target-settings.ts';
import { auditTrail } from '../../sandbox/audit-trail.ts';
import type { AwsEndpoint, CallRecord } from '../../sandbox/aws/endpoint.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { until } from '../../sandbox/waiting.ts';
import type { Figure } from './figure.ts';
import {
  decided,
  fillTable,
  fillTarget,
  grantsRow,
  identityCenter,
  identityCenterFilling,
  personOf,
  preparedAccess,
  teamOf,
} from './roles-company.ts';

/** Roles that they are spread over. */
const roles = 50;
/** Calls a second to each API of the identity store ("IAM Identity Center quotas"). */
const quota = 20;
const everyMs = 1_000;
const toldEveryMs = 20_000;

export async function burst(progress: Progress, changes = 5_000): Promise<readonly Figure[]> {
  const sandbox = await startSandbox({ environment: 'dev', pollSeconds: 15, progress });
  try {
    sandbox.runtime.pauseSchedules();
    await sandbox.runtime.idle(60_000);
    const messages = await progress.step(`${changes} accounts without a role, and a role for each`, () => fill(sandbox, changes));
    // From here on: with the quota it would take minutes to fill.
    const unlimited = limitCalls(sandbox.endpoint);
    const stalls = monitorEventLoopDelay({ resolution: 5 });
    stalls.enable();
    const calls = await progress.step(`${changes} changes in a burst`, () => play(sandbox, messages, progress));
    stalls.disable();
    unlimited();
    return await figuresOf(sandbox, calls, changes, stalls.max / 1e6);
  } finally {
    await sandbox.stop();
  }
}

/** The sync-roles of Identity Center, as the stack deploys it. */
function syncRolesOf({ stack }: Sandbox) {
  const found = [...stack.functions.values()].find(
    ({ environment: { TARGET, ROLE_QUEUE_URL, REPORT_BUCKET } }) =>
      TARGET !== undefined &&
      ROLE_QUEUE_URL !== undefined &&
      REPORT_BUCKET === undefined &&
      parseTargetSettings(TARGET).name === identityCenter,
  );
  const { GRANTS_TABLE = '', ROLES_TABLE = '', ROLE_QUEUE_URL = '' } = found?.environment ?? {};
  if (found === undefined) throw new Error(`the stack has no sync-roles of ${identityCenter}: bench an environment that has it`);
  return { functionName: found.name, grantsTable: GRANTS_TABLE, rolesTable: ROLES_TABLE, queueUrl: ROLE_QUEUE_URL };
}

/** Everybody has an account, and the grants table gives each a role since a moment ago. @returns the messages that decide-access would send */
async function fill(sandbox: Sandbox, changes: number): Promise<readonly string[]> {
  const { endpoint } = sandbox;
  const { grantsTable, rolesTable } = syncRolesOf(sandbox);
  const people = Array.from({ length: changes }, (_, number) => [personOf(number), [teamOf(number % roles)]] as const);
  const decisions = await decided(preparedAccess([identityCenter]), people);
  await fillTable(endpoint, rolesTable, await fillTarget(identityCenter, identityCenterFilling(endpoint), decisions, false));
  await fillTable(
    endpoint,
    grantsTable,
    decisions.map((item) => grantsRow({ ...item, revision: item.revision + 1 })),
  );
  return decisions.map(({ domain, subject: { guid }, revision }) =>
    JSON.stringify({ domain, guid, revision: revision + 1, cause: { id: `decision-${guid}`, type: 'AccessDecided' } }),
  );
}

/**
 * The endpoint throttles what is beyond the quota in any second, as AWS does, and whoever calls. It shares its process with all else of the
 * sandbox: what came while that stood still is handled at once, but did not come at once. So a call counts from the last moment before it at
 * which the process surely moved, and what is throttled was too much whenever it came.
 *
 * @returns what ends it
 */
function limitCalls(endpoint: AwsEndpoint): () => void {
  let [before, last] = [Date.now(), Date.now()];
  const heart = setInterval(() => {
    [before, last] = [last, Date.now()];
  }, 5).unref();
  const recent = new Map<string, number[]>();
  const isBeyond = (operation: string): boolean => {
    const second = Date.now() - 1000;
    const times = (recent.get(operation) ?? []).filter((at) => at > second);
    recent.set(operation, times);
    if (times.length >= quota) return true;
    times.push(before);
    return false;
  };
  const unlimited = endpoint.inject({
    match: ({ service, operation }) => service === 'identitystore' && isBeyond(operation),
    times: Number.POSITIVE_INFINITY,
    effect: { throttle: true },
  });
  return () => {
    clearInterval(heart);
    unlimited();
  };
}

/** Sends everything at once. @returns the calls to Identity Center until nothing was left to do */
async function play(sandbox: Sandbox, messages: readonly string[], progress: Progress): Promise<readonly CallRecord[]> {
  const { endpoint, runtime } = sandbox;
  const { queueUrl } = syncRolesOf(sandbox);
  endpoint.clearCalls();
  for (let start = 0; start < messages.length; start += 10) {
    const Entries = messages.slice(start, start + 10).map((body, index) => ({ Id: String(index), ...roleEntry(JSON.parse(body)) }));
    const { Failed } = await endpoint.call('operator', 'sqs', 'SendMessageBatch', { QueueUrl: queueUrl, Entries });
    if ((Failed as unknown[] | undefined)?.length) throw new Error(`the queue refused messages: ${JSON.stringify(Failed)}`);
  }
  const calls: CallRecord[] = [];
  // The endpoint remembers fewer calls than these are.
  const collect = () => {
    calls.push(...endpoint.calls.filter(({ service }) => service === 'identitystore' || service === 'sso'));
    endpoint.clearCalls();
  };
  let told = Date.now();
  const left = async () => {
    collect();
    if (Date.now() - told >= toldEveryMs) {
      told = Date.now();
      progress.note(`${calls.length} calls, ${rateOf(calls).toFixed(1)} a second`);
    }
    const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
    const { Attributes } = await endpoint.call('operator', 'sqs', 'GetQueueAttributes', { QueueUrl: queueUrl, AttributeNames: names });
    return Object.values(Attributes as Record<string, string>).every((count) => count === '0') || undefined;
  };
  await until('the end of the burst', left, (messages.length / quota) * 4_000 + 60_000, everyMs);
  await runtime.idle(120_000);
  await pause(everyMs);
  collect();
  return calls;
}

/** Calls a second between the first and the last. */
function rateOf(calls: readonly CallRecord[]): number {
  const times = calls.map(({ at }) => at);
  const [first, last] = [times.reduce((one, other) => Math.min(one, other)), times.reduce((one, other) => Math.max(one, other))];
  return ((calls.length - 1) * 1000) / (last - first);
}

/** @param stallMs the longest that this process, and so the endpoint, stood still: calls that come meanwhile seem to come at once */
async function figuresOf(sandbox: Sandbox, calls: readonly CallRecord[], changes: number, stallMs: number): Promise<readonly Figure[]> {
  const made = calls.filter(({ operation, outcome }) => operation === 'CreateGroupMembership' && outcome === 'ok');
  const throttled = calls.filter(({ error }) => error?.startsWith('ThrottlingException'));
  const trail = await auditTrail(sandbox);
  const failed = trail.filter(({ type }) => type === 'RoleChangeFailed').length;
  const granted = trail.filter(({ type }) => type === 'RoleGranted').length;
  const dead = await deadLetters(sandbox.endpoint);
  const others = calls.length - made.length;
  const [share, use] = [calls.length / changes, rateOf(made) / quota];
  const { functionName } = syncRolesOf(sandbox);
  // Of the last five minutes, as long as it took.
  const [, load = Number.NaN] = loadavg();
  const invocations = sandbox.runtime.invocations.filter((one) => one.functionName === functionName);
  const what = `${changes} changes in a burst`;
  const none = (label: string, count: number, detail: string): Figure => ({
    what: `${what}: ${label}`,
    measured: String(count),
    detail,
    bound: 'none',
    holds: count === 0,
  });
  return [
    {
      what: `${what}: calls`,
      measured: `${calls.length} = ${share.toFixed(3)} ×`,
      detail: `${made.length} memberships made, ${others} other calls; ${changes} are the least`,
      bound: '≤ 1.05 ×',
      holds: share <= 1.05 && made.length === changes,
    },
    {
      what: `${what}: use of ${quota} calls a second`,
      measured: `${(100 * use).toFixed(1)} %`,
      detail: `${rateOf(made).toFixed(2)} a second, ${invocations.length} invocations, at most ${atOnce(invocations)} at once; load of the machine ${load.toFixed(1)} on ${availableParallelism()} processors`,
      bound: '≥ 90 %',
      holds: use >= 0.9,
    },
    none(
      'throttles',
      throttled.length,
      `more than ${quota} in any second are refused; the endpoint stood still for ${Math.round(stallMs)} ms at most`,
    ),
    none('failed changes', failed + changes - granted, `${granted} RoleGranted, ${failed} RoleChangeFailed in the audit trail`),
    none('dead letters', dead, 'in all dead-letter queues'),
  ];
}

function atOnce(invocations: readonly { readonly startedAt: number; readonly durationMs: number }[]): number {
  const running = (at: number) => invocations.filter(({ startedAt, durationMs }) => startedAt <= at && at < startedAt + durationMs).length;
  return invocations.reduce((most, { startedAt }) => Math.max(most, running(startedAt)), 0);
}

async function deadLetters({ call }: AwsEndpoint): Promise<number> {
  const { QueueUrls = [] } = await call('operator', 'sqs', 'ListQueues', { MaxResults: 1000 });
  const queues = await Promise.all(
    (QueueUrls as string[]).map(async (QueueUrl) => {
      const answer = await call('operator', 'sqs', 'GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] });
      return answer.Attributes as Record<string, string>;
    }),
  );
  const dead = new Set(
    queues.flatMap(({ RedrivePolicy }) => (RedrivePolicy ? [JSON.parse(RedrivePolicy).deadLetterTargetArn as string] : [])),
  );
  if (dead.size === 0) throw new Error('no queue has a dead-letter queue: there is nothing to look at');
  return queues.reduce((sum, queue) => sum + (dead.has(String(queue.QueueArn)) ? Number(queue.ApproximateNumberOfMessages) : 0), 0);
}
