/** Reconcile of a target without drift: what it lists, that it changes nothing, and what memory it needs. */
import { fileURLToPath } from 'node:url';
import { type AwsEndpoint, type CallRecord, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import type { Progress } from '../../sandbox/progress.ts';
import type { Figure } from './figure.ts';
import {
  assignAccess,
  createTables,
  decided,
  fillTable,
  fillTarget,
  grantsRow,
  identityCenter,
  identityCenterFilling,
  identityCenterSettings,
  personOf,
  preparedAccess,
  readers,
  surroundings,
  tables,
  teamOf,
} from './roles-company.ts';
import type { ReconcileReport } from './roles-reconcile-target.ts';

const queueName = 'sync-roles.fifo';
const users = 10_000;
const groups = 200;
const memberships = 20_000;
/** The most that a list of the identity store, or of IAM Identity Center, answers at once (Identity Store API Reference). */
const page = 100;
const most = { pages: 1.1, megabytes: 300 };

/** Small teams and large ones in turn: members of 50, and of 150, which take two pages. The last group brings access to an account. */
const groupOf = (number: number) => (number === groups - 1 ? readers : teamOf(number));
const sizeOf = (number: number): number => (number % 2 === 0 ? 50 : 150);

export async function reconcileListing(progress: Progress): Promise<readonly Figure[]> {
  const endpoint = await startEndpoint(surroundings);
  try {
    await progress.step(`${users} users, ${groups} groups and ${memberships} memberships`, () => fill(endpoint));
    endpoint.clearCalls();
    const report = await progress.step('reconcile in a process of its own', () => run(endpoint));
    return figuresOf(endpoint.calls.slice(), report, await healing(endpoint));
  } finally {
    await endpoint.close();
  }
}

async function fill(endpoint: AwsEndpoint): Promise<void> {
  await createTables(endpoint);
  const { call } = endpoint;
  await call('operator', 's3', 'CreateBucket', { Bucket: 'reports' });
  await call('operator', 'events', 'CreateEventBus', { Name: 'identity' });
  await call('operator', 'sqs', 'CreateQueue', { QueueName: queueName, Attributes: { FifoQueue: 'true' } });
  const own: ReturnType<typeof groupOf>[][] = Array.from({ length: users }, () => []);
  let next = 0;
  for (let number = 0; number < groups; number += 1) {
    for (let member = 0; member < sizeOf(number); member += 1) {
      own[next % users]?.push(groupOf(number));
      next += 1;
    }
  }
  if (next !== memberships) throw new Error(`${next} memberships, not ${memberships}`);
  const decisions = await decided(
    preparedAccess([identityCenter]),
    own.map((of, number) => [personOf(number), of] as const),
  );
  await fillTable(endpoint, tables.grants, decisions.map(grantsRow));
  const entries = await fillTarget(identityCenter, identityCenterFilling(endpoint), decisions);
  await fillTable(endpoint, tables.roles, entries);
  const access = entries.flatMap((one) => ('roleId' in one && Object.keys(one.assignments ?? {}).length > 0 ? [String(one.roleId)] : []));
  await assignAccess(endpoint, access);
}

async function run({ url, region, operator, call }: AwsEndpoint): Promise<ReconcileReport> {
  const { QueueUrl } = await call('operator', 'sqs', 'GetQueueUrl', { QueueName: queueName });
  const program = fileURLToPath(new URL('roles-reconcile-target.ts', import.meta.url));
  const output = await runCommand(process.execPath, [program], {
    variables: {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
      ...('sessionToken' in operator && operator.sessionToken ? { AWS_SESSION_TOKEN: String(operator.sessionToken) } : {}),
      ENVIRONMENT: 'bench',
      TARGET: JSON.stringify({ name: identityCenter, kind: 'identity-center', settings: identityCenterSettings }),
      TARGET_SECRET_ARN: 'none',
      GRANTS_TABLE: tables.grants,
      ROLES_TABLE: tables.roles,
      ROLE_QUEUE_URL: String(QueueUrl),
      IDENTITY_BUS: 'identity',
      REPORT_BUCKET: 'reports',
      RECONCILE_MODE: 'heal',
      RECONCILE_EVERY_MINUTES: '60',
    },
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as ReconcileReport;
}

/** Messages to sync-roles by which something would be healed. Every run has it look after sessions that were cut, too. */
async function healing({ call }: AwsEndpoint): Promise<number> {
  const { QueueUrl } = await call('operator', 'sqs', 'GetQueueUrl', { QueueName: queueName });
  const { Messages = [] } = await call('operator', 'sqs', 'ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10 });
  return (Messages as { Body: string }[]).filter(({ Body }) => !('sweep' in JSON.parse(Body))).length;
}

function figuresOf(calls: readonly CallRecord[], { outcome, ms, peakMb, startMb }: ReconcileReport, messages: number): readonly Figure[] {
  if (outcome.state !== 'completed' || outcome.findings !== 0)
    throw new Error(`reconcile ended as ${outcome.state} with ${outcome.findings} findings, where nothing differs`);
  const atTarget = calls.filter(({ service }) => service === 'identitystore' || service === 'sso');
  const lists = atTarget.filter(({ operation }) => operation.startsWith('List')).length;
  const writes = atTarget.filter(({ operation }) => !/^(?:List|Get|Describe)/.test(operation));
  const ofMembers = Array.from({ length: groups }, (_, number) => Math.ceil(sizeOf(number) / page)).reduce((sum, pages) => sum + pages, 0);
  // What each group brings is one list more.
  const needed = Math.ceil(users / page) + Math.ceil(groups / page) + ofMembers + groups;
  const what = `reconcile of ${users} users, ${memberships} memberships`;
  const ratio = atTarget.length / needed;
  return [
    {
      what: `${what}: pages`,
      measured: `${atTarget.length} = ${ratio.toFixed(3)} ×`,
      detail: `${lists} lists, ${atTarget.length - lists} other calls; ${needed} pages of ${page} hold all of it`,
      bound: `≤ ${most.pages} ×`,
      holds: ratio <= most.pages,
    },
    {
      what: `${what}: writes at the target`,
      measured: String(writes.length),
      detail: `${messages} messages that ask sync-roles for one`,
      bound: 'none',
      holds: writes.length + messages === 0,
    },
    {
      what: `${what}: peak memory`,
      measured: `${Math.round(peakMb)} MB`,
      detail: `resident set, Node included; ${Math.round(startMb)} MB when it was loaded`,
      bound: `≤ ${most.megabytes} MB`,
      holds: peakMb <= most.megabytes,
    },
    {
      what: `${what}: duration`,
      measured: `${(ms / 1000).toFixed(1)} s`,
      detail: 'its budget is 19 calls a second to each API',
      bound: '–',
    },
  ];
}
