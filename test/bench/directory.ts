/** `npm run bench -- directory`: what the directory connector costs. */
import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { captureSettings } from '../../handlers/directory/capture-settings.ts';
import { type DetectChangesDependencies, detectChanges } from '../../handlers/directory/detect-changes/detect-changes.ts';
import { capturedAttributes, capturedFilter } from '../../handlers/directory/directory-source.ts';
import { dynamoDbMirror } from '../../handlers/directory/dynamodb-mirror.ts';
import { connectLdapSource, type LdapSourceOptions } from '../../handlers/directory/ldap-source.ts';
import type { Mirror } from '../../handlers/directory/mirror.ts';
import { startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { python, runCommand } from '../../sandbox/domain-controller/command.ts';
import type { DomainController } from '../../sandbox/domain-controller/index.ts';
import { changeAttribute, createUser, type Population } from '../../sandbox/domain-controller/population.ts';
import { poll } from '../../sandbox/measure.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { until } from '../../sandbox/waiting.ts';
import { directoryTable } from '../directory/directory-table.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { startScriptedLdapServer } from '../ldap/scripted-server.ts';
import { type Bench, type Figure, median, quantile } from './figure.ts';
import { generatedPages, pageObjects } from './generated-pages.ts';

const users = 10_000;
const groups = 200;
/** Members of each group. */
const members = 100;
const repeats = 5;
const singleChanges = 100;

/** What is measured on a domain of that size is measured on one: it takes a minute to fill. */
const parts: Readonly<Record<string, (progress: Progress) => Promise<readonly Figure[]>>> = {
  samba: onSamba,
  memory,
  'idle-poll': idlePoll,
};

export const directoryBench: Bench = async (progress, only) => {
  const figures: Figure[] = [];
  for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) figures.push(...(await part(progress)));
  return figures;
};

async function onSamba(progress: Progress): Promise<readonly Figure[]> {
  const sandbox = await startSandbox({
    environment: 'dev',
    // Samba sends all in one page: a first poll that runs out of time is taken up by the next.
    pollSeconds: 15,
    progress,
    snapshotTimeoutMs: 600_000,
    beforeFirstPoll: (population, _group, controller) =>
      progress.step(`${users} users and ${groups} groups of ${members} members`, () => fill(controller, population)),
  });
  try {
    sandbox.runtime.pauseSchedules();
    await sandbox.runtime.idle(300_000);
    return [...(await fullSync(sandbox, progress)), ...(await singleChange(sandbox, progress))];
  } finally {
    await sandbox.stop();
  }
}

const ms = (value: number): string => `${Math.round(value)} ms`;
const seconds = (value: number): string => `${(value / 1000).toFixed(2)} s`;
const ratio = (value: number): string => `${value.toFixed(2)} ×`;

async function fullSync({ controller, population }: Sandbox, progress: Progress): Promise<readonly Figure[]> {
  const options = sourceOptions(controller, population);
  const baseline: number[] = [];
  const snapshots: number[] = [];
  const syncs: number[] = [];
  let objects = 0;
  const mirror = memoryMirror(undefined, 5_000);
  await read(options, mirror);
  await progress.step(`${repeats} rounds of ldapsearch, first snapshot and full sync`, async () => {
    for (let round = 0; round < repeats; round += 1) {
      baseline.push(await timed(() => ldapsearch(controller, population)));
      const empty = memoryMirror();
      snapshots.push(
        await timed(async () => {
          objects = await read(options, empty);
        }),
      );
      await forgetCookie(mirror, controller.domain);
      // The pass of verification that follows is no part of the read: it is measured by itself.
      syncs.push(await timed(() => read(options, { ...mirror, scan: async () => ({ rows: [], after: undefined }) })));
    }
  });
  const base = median(baseline);
  const [snapshot, sync] = [median(snapshots), median(syncs)];
  await forgetCookie(mirror, controller.domain);
  const verified = await progress.step('full sync and the beginning of its verification', () => timed(() => read(options, mirror)));
  const inDynamoDb = await progress.step("first snapshot into the sandbox's DynamoDB", () => snapshotInto(options));
  const detail = `ldapsearch ${seconds(base)}, ${objects} objects, median of ${repeats}`;
  const bound = '≤ 2 ×';
  return [
    { what: 'full sync, mirror filled', measured: `${seconds(sync)} = ${ratio(sync / base)}`, detail, bound, holds: sync <= 2 * base },
    {
      what: 'first snapshot, mirror empty',
      measured: `${seconds(snapshot)} = ${ratio(snapshot / base)}`,
      detail,
      bound,
      holds: snapshot <= 2 * base,
    },
    {
      what: 'full sync with a slice of its verification',
      measured: seconds(verified),
      detail: 'a slice ends after 15 s, the next poll takes it up',
      bound: '–',
    },
    {
      what: "first snapshot, sandbox's DynamoDB",
      measured: seconds(inDynamoDb),
      detail: `${Math.round((1 - snapshot / inDynamoDb) * 100)} % of it is the store's`,
      bound: '–',
    },
  ];
}

/** Into the domain's own database: over LDAP it would take a minute. */
async function fill(controller: DomainController, { usersDn, groupsDn }: Pick<Population, 'usersDn' | 'groupsDn'>): Promise<void> {
  const name = (number: number) => `Person ${String(number).padStart(5, '0')}`;
  const people = Array.from({ length: users }, (_, number) =>
    [
      `dn: CN=${name(number)},${usersDn}`,
      'objectClass: user',
      `sAMAccountName: person${number}`,
      `userPrincipalName: person${number}@${controller.domain}`,
      `displayName: ${name(number)}`,
      'givenName: Person',
      `sn: ${number}`,
      `mail: person${number}@example.com`,
      'userAccountControl: 544',
    ].join('\n'),
  );
  const teams = Array.from({ length: groups }, (_, number) =>
    [
      `dn: CN=Team ${number},${groupsDn}`,
      'objectClass: group',
      `sAMAccountName: team${number}`,
      ...Array.from({ length: members }, (_, member) => `member: CN=${name((number * 50 + member) % users)},${usersDn}`),
    ].join('\n'),
  );
  const program = fileURLToPath(new URL('populate.py', import.meta.url));
  const [configFile, database] = [join(controller.directory, 'smb.conf'), join(controller.directory, 'private', 'sam.ldb')];
  const entries = [...people, ...teams];
  // A transaction grows slower with what is in it.
  for (let start = 0; start < entries.length; start += 1000) {
    const ldif = `${entries.slice(start, start + 1000).join('\n\n')}\n`;
    await runCommand(python, [program], { input: JSON.stringify({ configFile, database, ldif }) });
  }
}

const sourceOptions = (controller: DomainController, { bindDn, bindPassword }: Population): LdapSourceOptions => ({
  urls: [controller.ldapsUrl],
  ca: controller.ca,
  namingContext: controller.baseDn,
  credentials: { username: bindDn, password: bindPassword },
});

const silent = { info: () => {}, warn: () => {}, error: () => {} };

const dependencies = (options: LdapSourceOptions, mirror: Mirror): DetectChangesDependencies => ({
  domain: 'corp.example.com',
  settings: captureSettings({}),
  mirror,
  connect: () => connectLdapSource(options),
  log: silent,
  now: () => new Date(),
});

/** One poll. @returns the objects it read */
async function read(options: LdapSourceOptions, mirror: Mirror): Promise<number> {
  const result = await detectChanges(dependencies(options, mirror), { requestId: String(Math.random()), remainingMs: () => 900_000 });
  if (result.outcome !== 'done') throw new Error(`the poll ended as ${result.outcome}`);
  return result.objects;
}

/** Everything once more, against rows that are there. */
async function forgetCookie(mirror: Mirror, domain: string): Promise<void> {
  const lease = await mirror.acquireLease(domain, 'bench', 1_000);
  if (lease?.cursor === undefined) throw new Error('no cursor to forget');
  const counts = { users: 0, computers: 0, serviceAccounts: 0, groups: 0, memberships: 0 };
  await mirror.release(domain, lease.fence, { ...lease.cursor, cookie: Buffer.alloc(0), more: true, snapshot: counts });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** OpenLDAP's client, with the same controls, filter and attributes; what it prints is thrown away. */
async function ldapsearch(controller: DomainController, { bindDn, bindPassword }: Population): Promise<void> {
  const passwordFile = join(controller.directory, 'bench-password');
  await writeFile(passwordFile, bindPassword, { mode: 0o600 });
  const incrementalValues = 0x8000_0000;
  const args = [
    ...['-LLL', '-x', '-H', controller.ldapsUrl, '-D', bindDn, '-y', passwordFile, '-b', controller.baseDn, '-s', 'sub'],
    ...['-E', `!dirSync=${incrementalValues}/0`, '-E', '!extendedDn=1', capturedFilter, ...capturedAttributes([])],
  ];
  try {
    await new Promise<void>((resolve, reject) => {
      const env = { ...process.env, LDAPTLS_CACERT: controller.caFile, LDAPTLS_REQCERT: 'demand' };
      const child = spawn('ldapsearch', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
      child.on('error', reject);
      child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`ldapsearch ended with ${code}`))));
    });
  } finally {
    await rm(passwordFile);
  }
}

async function snapshotInto(options: LdapSourceOptions): Promise<number> {
  const endpoint = await startEndpoint({ region: 'eu-central-2', account: '111122223333', identityStoreId: 'd-1234567890' });
  try {
    await endpoint.call('operator', 'dynamodb', 'CreateTable', directoryTable('directory'));
    const client = new DynamoDBClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator });
    const time = await timed(() => read(options, dynamoDbMirror(client, 'directory')));
    client.destroy();
    return time;
  } finally {
    await endpoint.close();
  }
}

/** The reader alone in a process, the server in this one: what is measured is what the function needs. */
async function memory(progress: Progress): Promise<readonly Figure[]> {
  const measure = async (objects: number) => {
    const server = await startScriptedLdapServer({ dirSync: generatedPages(objects), search: () => ({ entries: [] }) });
    try {
      const program = fileURLToPath(new URL('read-directory.ts', import.meta.url));
      const output = await runCommand(process.execPath, [program], { input: JSON.stringify({ url: server.url, ca: server.ca }) });
      return JSON.parse(output) as { readonly objects: number; readonly ms: number; readonly peakMb: number };
    } finally {
      await server.close();
    }
  };
  const [small, large] = [users, 10 * users];
  const results = await progress.step(`${small} and ${large} objects in pages of ${pageObjects} from the scripted server`, async () => {
    const rounds: { small: Awaited<ReturnType<typeof measure>>; large: Awaited<ReturnType<typeof measure>> }[] = [];
    for (let round = 0; round < 3; round += 1) rounds.push({ small: await measure(small), large: await measure(large) });
    return rounds;
  });
  for (const { small: one, large: other } of results) {
    if (one.objects !== small || other.objects !== large) throw new Error(`read ${one.objects} and ${other.objects} objects`);
  }
  const peak = Math.max(...results.map((round) => round.large.peakMb));
  const perObject = (time: number, count: number) => (1000 * time) / count;
  const [smallTime, largeTime] = [
    perObject(median(results.map((round) => round.small.ms)), small),
    perObject(median(results.map((round) => round.large.ms)), large),
  ];
  return [
    {
      what: `${large} objects: peak memory`,
      measured: `${Math.round(peak)} MB`,
      detail: 'resident set, Node included',
      bound: '≤ 300 MB',
      holds: peak <= 300,
    },
    {
      what: `${large} objects: time an object`,
      measured: `${largeTime.toFixed(1)} µs = ${ratio(largeTime / smallTime)}`,
      detail: `${smallTime.toFixed(1)} µs of ${small} objects, median of 3`,
      bound: '≤ 1.2 ×',
      holds: largeTime <= 1.2 * smallTime,
    },
  ];
}

async function singleChange(sandbox: Sandbox, progress: Progress): Promise<readonly Figure[]> {
  const { population, endpoint, runtime } = sandbox;
  const dn = await createUser(population.admin, population.usersDn, 'Grace Example', { sAMAccountName: 'grace' });
  await poll(sandbox);
  await runtime.idle();
  const latencies: number[] = [];
  await progress.step(`${singleChanges} single changes`, async () => {
    for (let change = 0; change < singleChanges; change += 1) {
      await changeAttribute(population.admin, dn, 'replace', 'displayName', [`Grace ${change}`]);
      const seen = endpoint.calls.length;
      const start = Date.now();
      await poll(sandbox);
      const put = await until(
        'the event on the bus',
        async () =>
          endpoint.calls.slice(seen).find((one) => one.service === 'events' && one.operation === 'PutEvents' && one.outcome === 'ok'),
        20_000,
        2,
      );
      latencies.push(put.at + put.durationMs - start);
      await runtime.idle();
    }
  });
  const idle = await idleCalls(sandbox);
  const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  const what = `single change among ${users} users: poll to bus`;
  return [
    {
      what: `${what}, p50`,
      measured: ms(p50),
      detail: `${singleChanges} changes, least ${ms(quantile(latencies, 0))}`,
      bound: '≤ 150 ms',
      holds: p50 <= 150,
    },
    { what: `${what}, p99`, measured: ms(p99), detail: `most ${ms(quantile(latencies, 1))}`, bound: '≤ 500 ms', holds: p99 <= 500 },
    {
      what: 'idle poll: writes in DynamoDB',
      measured: idle.writes.join(', '),
      detail: `reads: ${idle.reads.join(', ')}`,
      bound: 'lease taken and given back',
      holds: idle.writes.length === 2 && idle.writes.every((operation) => operation === 'UpdateItem'),
    },
  ];
}

/** What a poll without a change calls in DynamoDB. */
async function idleCalls(sandbox: Sandbox) {
  const { endpoint, runtime } = sandbox;
  await poll(sandbox);
  await runtime.idle();
  const seen = endpoint.calls.length;
  await poll(sandbox);
  await runtime.idle();
  const operations = endpoint.calls.slice(seen).flatMap(({ service, operation }) => (service === 'dynamodb' ? [operation] : []));
  const isWrite = (operation: string) => /^(Put|Update|Delete|BatchWrite|Transact)/.test(operation);
  const isStream = (operation: string) => /Shard|Stream|GetRecords/.test(operation);
  return { writes: operations.filter(isWrite), reads: operations.filter((operation) => !isWrite(operation) && !isStream(operation)) };
}

/** Counted by the server that answers. */
async function idlePoll(progress: Progress): Promise<readonly Figure[]> {
  return await progress.step('an idle poll, counted by the server', async () => {
    const server = await startScriptedLdapServer({ dirSync: generatedPages(10), search: () => ({ entries: [] }) });
    try {
      const mirror = memoryMirror();
      const options = {
        urls: [server.url],
        ca: server.ca,
        namingContext: 'DC=corp,DC=example,DC=com',
        credentials: { username: 'svc@corp.example.com', password: 'x' },
      };
      await read(options, mirror);
      const [before, written] = [server.requests.length, structuredClone(mirror.writes)];
      await read(options, mirror);
      const searches = server.requests.slice(before).filter(({ operation }) => operation === 'search').length;
      const rows = mirror.writes.rows - written.rows + mirror.writes.cursors - written.cursors;
      return [
        {
          what: 'idle poll: LDAP searches',
          measured: String(searches),
          detail: 'the rootDSE: nothing was written since',
          bound: '1',
          holds: searches === 1,
        },
        { what: 'idle poll: writes', measured: String(rows), detail: 'besides the lease', bound: '0', holds: rows === 0 },
      ];
    } finally {
      await server.close();
    }
  });
}
