/** `--stay`: any LDAP client and an unmodified AWS client can play, and nothing is left when it ends. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, ListEventBusesCommand, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { IdentitystoreClient, ListGroupMembershipsForMemberCommand, ListUsersCommand } from '@aws-sdk/client-identitystore';
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ListQueuesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Attribute, Change, Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../sandbox/waiting.ts';
import { synthesizedExamples } from '../examples/synthesized.ts';
import { foldersOf, processesWith, type RunningCommand, runSandbox, sandboxProcess } from './command.ts';

describe('npm run sandbox -- --stay', () => {
  let command: RunningCommand;
  let line: Record<string, string>;
  let ldap: Client;

  const client = () => ({
    endpoint: line.endpoint as string,
    region: line.region as string,
    credentials: { accessKeyId: line.accessKeyId as string, secretAccessKey: line.secretAccessKey as string },
  });

  beforeAll(async () => {
    command = runSandbox('--stay', '--poll', '0.3', '--stacks', await synthesizedExamples());
    line = await command.jsonLine();
    ldap = new Client({ url: line.ldapsUrl as string, tlsOptions: { ca: [readFileSync(line.caFile as string)] } });
    await ldap.bind(line.bindDn as string, line.bindPassword as string);
  }, 90_000);

  afterAll(async () => {
    await ldap?.unbind();
    command?.signal('SIGKILL');
  });

  it('prints one JSON line with what a client needs', () => {
    expect(Object.keys(line)).toEqual([
      ...['ldapsUrl', 'caFile', 'bindDn', 'bindPassword', 'baseDn', 'usersDn', 'mappedGroupDn'],
      ...['endpoint', 'region', 'accessKeyId', 'secretAccessKey', 'identityStoreId', 'pid'],
    ]);
    expect(command.stdout().trim().split('\n')).toHaveLength(1);
  });

  it('GIVEN a user put into the mapped group by LDAP THEN an AWS client sees the user and the membership', async () => {
    const dn = `CN=Joan Example,${line.usersDn}`;
    await ldap.add(dn, {
      objectClass: ['top', 'person', 'organizationalPerson', 'user'],
      sAMAccountName: 'joan',
      unicodePwd: Buffer.from('"Correct-Horse-9"', 'utf16le') as never,
      userAccountControl: '512',
    });
    const group = new Change({ operation: 'add', modification: new Attribute({ type: 'member', values: [dn] }) });
    await ldap.modify(line.mappedGroupDn as string, group);

    const store = new IdentitystoreClient(client());
    const IdentityStoreId = line.identityStoreId;
    const user = await until('the user', async () => {
      const { Users } = await store.send(new ListUsersCommand({ IdentityStoreId }));
      return Users?.find(({ UserName }) => UserName === 'joan@corp.example.com');
    });
    const memberships = await until('the membership', async () => {
      const found = await store.send(
        new ListGroupMembershipsForMemberCommand({ IdentityStoreId, MemberId: { UserId: user.UserId ?? '' } }),
      );
      return found.GroupMemberships?.length ? found.GroupMemberships : undefined;
    });
    expect(memberships).toHaveLength(1);
    // Read again: the mark follows the creation.
    const { Users } = await store.send(new ListUsersCommand({ IdentityStoreId }));
    expect(Users?.find(({ UserId }) => UserId === user.UserId)?.ExternalIds).toEqual([
      { Issuer: 'active-directory:corp.example.com', Id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    ]);
  });

  const asOperator = () => ({
    ...process.env,
    AWS_ENDPOINT_URL: line.endpoint,
    AWS_REGION: line.region,
    AWS_ACCESS_KEY_ID: line.accessKeyId,
    AWS_SECRET_ACCESS_KEY: line.secretAccessKey,
  });

  it('GIVEN npm run decide with an operator’s credentials THEN it explains why somebody holds what', async () => {
    const args = ['run', '--silent', 'decide', '--', '--user', 'joan', '--environment', 'dev'];
    const { stdout } = await promisify(execFile)('npm', args, { env: asOperator() });
    expect(stdout).toMatch(/AWS-Developers +direct/);
    for (const target of ['identity-center', 'wiki']) expect(stdout).toMatch(new RegExp(`developers at ${target} +granted`));
    expect(stdout).toContain('Decided last: the same');
  });

  it('GIVEN an AWS client THEN it reads tables, queues, rules, log groups and secrets', async () => {
    const { TableNames } = await new DynamoDBClient(client()).send(new ListTablesCommand({}));
    expect(TableNames).toHaveLength(5);
    const counts = await Promise.all(
      (TableNames ?? []).map((TableName) => new DynamoDBClient(client()).send(new ScanCommand({ TableName, Select: 'COUNT' }))),
    );
    expect(counts.every(({ Count }) => (Count ?? 0) > 0)).toBe(true);
    const { QueueUrls } = await new SQSClient(client()).send(new ListQueuesCommand({}));
    expect(QueueUrls?.length).toBeGreaterThanOrEqual(8);
    const events = new EventBridgeClient(client());
    const bus = (await events.send(new ListEventBusesCommand({}))).EventBuses?.find(({ Name }) => Name !== 'default');
    const rules = await events.send(new ListRulesCommand({ EventBusName: bus?.Name }));
    expect(rules.Rules?.length).toBeGreaterThanOrEqual(2);
    const { logGroups } = await new CloudWatchLogsClient(client()).send(new DescribeLogGroupsCommand({}));
    expect(logGroups?.length).toBeGreaterThanOrEqual(6);
    const secrets = new SecretsManagerClient(client());
    const { SecretList } = await secrets.send(new ListSecretsCommand({}));
    const value = await secrets.send(new GetSecretValueCommand({ SecretId: SecretList?.[0]?.ARN }));
    expect(Object.keys(JSON.parse(value.SecretString ?? '{}'))).toEqual(['username', 'password']);
  });

  it('GIVEN npm run status THEN all is well, and WHEN a dead letter is there it says so, with the page to open', async () => {
    const status = () =>
      promisify(execFile)('npm', ['run', '--silent', 'status'], { env: asOperator() }).catch(
        (error: { code: number; stdout: string }) => error,
      );
    const before = await status();
    expect(before.stdout).toMatch(/^ad-lambda-dev at \S+: all is well$/m);
    expect(before).not.toHaveProperty('code');
    const sqs = new SQSClient(client());
    const { QueueUrls } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'ad-lambda-dev-settle-guard-dead-letters' }));
    await sqs.send(new SendMessageCommand({ QueueUrl: QueueUrls?.[0], MessageBody: '{}' }));
    const after = await status();
    expect(after).toMatchObject({ code: 1 });
    expect(after.stdout).toMatch(
      /^BROKEN +dead letters ad-lambda-dev-settle-guard-dead-letters +1 message +→ docs\/runbooks\/dead-letter-queue\.md$/m,
    );
  });

  it('GIVEN wrong credentials THEN the endpoint refuses', async () => {
    const wrong = new DynamoDBClient({ ...client(), credentials: { accessKeyId: line.accessKeyId as string, secretAccessKey: 'wrong' } });
    await expect(wrong.send(new ListTablesCommand({}))).rejects.toMatchObject({ name: expect.stringMatching(/Signature/) });
  });

  it('GIVEN a client that goes away amid its request THEN nobody is told of a failure', async () => {
    const { hostname, port } = new URL(line.endpoint as string);
    for (const leave of ['resetAndDestroy', 'destroy'] as const) {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf');
      await new Promise((resolve) => setTimeout(resolve, 100));
      socket[leave]();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(command.stderr()).not.toContain('endpoint failed');
  });

  it('GIVEN Ctrl-C THEN it ends with 130 and leaves neither process nor folder', async () => {
    await ldap.unbind();
    const pid = await sandboxProcess(command);
    expect(line.pid).toBe(pid);
    const folders = await foldersOf(pid);
    expect(folders).toHaveLength(2);
    command.signal('SIGINT');
    // npm itself ends by the signal, or hands on the exit code 130 of the sandbox.
    expect([130, null]).toContain(await command.ended());
    await nothingLeft(pid, folders);
  });
});

describe('a sandbox that is killed', () => {
  it('GIVEN SIGKILL THEN neither process nor folder stays behind', async () => {
    const command = runSandbox('--stay', '--stacks', await synthesizedExamples());
    await command.jsonLine();
    const pid = await sandboxProcess(command);
    const folders = await foldersOf(pid);
    expect(folders).toHaveLength(2);
    command.signal('SIGKILL');
    await command.ended();
    await nothingLeft(pid, folders);
  }, 90_000);
});

describe('a sandbox that is interrupted', () => {
  const synthesized = async () => ['--stacks', await synthesizedExamples()];

  it.each<[string, () => Promise<string[]>]>([
    ['starting the domain controller', async () => []],
    ['✓ synthesize', async () => []],
    ['✓ start the functions', synthesized],
    ['✓ Ada joins', synthesized],
  ])(
    'GIVEN Ctrl-C at "%s" THEN it ends within 2 s, tells of no failed step and leaves nothing',
    async (moment, options) => {
      const command = runSandbox(...(await options()));
      await until(moment, async () => (command.stderr().includes(moment) ? true : undefined), 60_000);
      const pid = await sandboxProcess(command);
      const folders = await foldersOf(pid);
      const began = performance.now();
      command.signal('SIGINT');
      expect([130, null]).toContain(await command.ended());
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(command.stderr().trimEnd()).toMatch(/interrupted: cleaning up$/);
      expect(command.stderr()).not.toMatch(/✗|failed/);
      await nothingLeft(pid, folders);
    },
    90_000,
  );
});

describe('a sandbox that cannot start', () => {
  it.each([
    [{ TMPDIR: '/dev/null/tmp' }, 'cannot make a folder in /dev/null/tmp (ENOTDIR): set TMPDIR to'],
    [{ XDG_CACHE_HOME: '/dev/null' }, 'cannot make a folder in /dev/null/active-directory-lambda (ENOTDIR): set XDG_CACHE_HOME to'],
  ])('fails with %j, telling so and of one step at most', async (variables, message) => {
    const child = spawn(process.execPath, ['sandbox/main.ts'], {
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const stderr = text(child.stderr);
    const [exitCode] = await once(child, 'close');
    expect(exitCode).toBe(1);
    expect(await stderr).toContain(`sandbox failed: ${message}`);
    expect((await stderr).match(/✗/g) ?? []).toHaveLength('TMPDIR' in variables ? 0 : 1);
  });
});

/** Waits until neither the sandbox's folders nor a process that works in one of them is there. */
async function nothingLeft(pid: number, folders: readonly string[]): Promise<void> {
  await until('the end of everything', async () => {
    const processes = await Promise.all(folders.map((name) => processesWith(name)));
    return (await foldersOf(pid)).length === 0 && processes.flat().length === 0 ? true : undefined;
  });
}
