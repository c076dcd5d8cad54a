/** Bad input to the whole integration: a clear error or a stated no-op, nothing granted, nothing lost, and the next good run carries on. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditTrail } from '../../sandbox/audit-trail.ts';
import type { Caller } from '../../sandbox/aws/endpoint.ts';
import { changeAttribute, createUser } from '../../sandbox/domain-controller/population.ts';
import { identityStoreOf } from '../../sandbox/identity-store.ts';
import { progressTo } from '../../sandbox/progress.ts';
import { createRuntime } from '../../sandbox/runtime/index.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { guidOf } from '../../sandbox/story.ts';
import { until } from '../../sandbox/waiting.ts';
import { synthesizedExamples } from '../examples/synthesized.ts';

describe('bad input to a running integration', () => {
  let sandbox: Sandbox;
  let people = 0;

  const operator = (service: string, operation: string, input: Record<string, unknown>) =>
    sandbox.endpoint.call('operator', service, operation, input);
  const functionOf = (name: string) => {
    const found = [...sandbox.stack.functions.values()].find((one) => one.name.endsWith(name));
    if (found === undefined) throw new Error(`no function ${name}`);
    return found;
  };
  const environmentOf = (name: string) => functionOf(name).environment;
  const detect = () => sandbox.runtime.invoke('detect-changes-corp', {});
  const settle = () => sandbox.runtime.idle();
  const logged = async (name: string, code: string) => {
    const { events } = await operator('logs', 'FilterLogEvents', { logGroupName: functionOf(name).logGroup, filterPattern: code });
    return events as { message: string; timestamp: number }[];
  };
  /** Principals that were decided on. */
  const grantsCount = async () => {
    const decided = { FilterExpression: 'sk = :grants', ExpressionAttributeValues: { ':grants': { S: 'grants' } } };
    return (await operator('dynamodb', 'Scan', { TableName: environmentOf('decide-access').GRANTS_TABLE, ...decided })).Count;
  };
  const eventsOf = async (type: string) => (await auditTrail(sandbox)).filter((record) => record.type === type);
  const queueUrl = async (name: string) => {
    const { QueueUrls } = await operator('sqs', 'ListQueues', {});
    const found = (QueueUrls as string[]).find((url) => url.endsWith(name));
    if (found === undefined) throw new Error(`no queue ${name} among ${JSON.stringify(QueueUrls)}`);
    return found;
  };
  const waiting = async (name: string) => {
    const { Attributes } = await operator('sqs', 'GetQueueAttributes', {
      QueueUrl: await queueUrl(name),
      AttributeNames: ['ApproximateNumberOfMessages'],
    });
    return Number((Attributes as Record<string, string>).ApproximateNumberOfMessages);
  };
  const cursorKey = () => ({ pk: { S: 'corp.example.com#cursor' }, sk: { S: 'cursor' } });
  const setCookie = (cookie: Buffer) =>
    operator('dynamodb', 'UpdateItem', {
      TableName: environmentOf('detect-changes-corp').DIRECTORY_TABLE,
      Key: cursorKey(),
      // No domain controller is remembered either: one that is, and that nothing was written on since, would not be asked with the cookie.
      UpdateExpression: 'SET #position.cookie = :cookie, #position.controllers = :none',
      ExpressionAttributeNames: { '#position': 'position' },
      ExpressionAttributeValues: { ':cookie': { B: cookie }, ':none': { M: {} } },
    });

  const isDetectChanges = (caller: Caller) =>
    typeof caller === 'object' && 'roleArn' in caller && caller.roleArn === functionOf('detect-changes-corp').roleArn;

  /** What every case ends with: a change made now still reaches the role. */
  const nextGoodRunCarriesOn = async () => {
    people += 1;
    const { population, mappedGroupDn } = sandbox;
    const dn = await createUser(population.admin, population.usersDn, `person${people}`);
    await changeAttribute(population.admin, mappedGroupDn, 'add', 'member', [dn]);
    const result = await detect();
    expect(result.functionError).toBeUndefined();
    await settle();
    const store = identityStoreOf(sandbox);
    const user = await store.userOf(await guidOf(sandbox, dn));
    expect(user && (await store.rolesOf(user.UserId))).toEqual(['developers']);
  };

  beforeAll(async () => {
    sandbox = await startSandbox({
      environment: 'dev',
      stackDirectory: join(await synthesizedExamples(), 'stacks', 'dev'),
      pollSeconds: 3600,
      progress: progressTo(() => {}),
    });
    sandbox.runtime.pauseSchedules();
    await settle();
  }, 120_000);

  afterAll(async () => {
    await sandbox?.stop();
  }, 30_000);

  it('invariant 1: GIVEN nothing to report WHEN polled THEN no DynamoDB write but the lease, and no event', async () => {
    await detect();
    await settle();
    const before = sandbox.endpoint.calls.length;
    const result = await detect();
    await settle();
    expect(result.payload).toMatchObject({ outcome: 'done', objects: 0, written: 0 });
    const calls = sandbox.endpoint.calls.slice(before);
    const writes = calls.filter(
      ({ service, operation }) => service === 'dynamodb' && /^(Put|Update|Delete|BatchWrite|Transact)/.test(operation),
    );
    expect(writes.length).toBeLessThanOrEqual(2);
    for (const { operation, authorizations } of writes) {
      expect(operation).toBe('UpdateItem');
      expect(authorizations.map(({ context }) => context['dynamodb:LeadingKeys'])).toEqual([['corp.example.com#cursor']]);
    }
    expect(calls.filter(({ operation }) => operation === 'PutEvents')).toEqual([]);
    const invoked = sandbox.runtime.invocations.filter(({ functionName }) => functionName.endsWith('publish-changes')).length;
    await detect();
    await settle();
    expect(sandbox.runtime.invocations.filter(({ functionName }) => functionName.endsWith('publish-changes'))).toHaveLength(invoked);
  });

  it('GIVEN role mappings that match nothing WHEN the snapshot is complete THEN each is named in the log, and nothing is granted by it', async () => {
    const [snapshot] = await eventsOf('DirectorySnapshotCompleted');
    const completed = Date.parse(snapshot?.occurredAt ?? '');
    const named = (await logged('decide-access', 'ROLE_MAPPING_MATCHES_NOTHING')).flatMap(({ message, timestamp }) =>
      timestamp < completed ? [] : [JSON.parse(message).mapping as string],
    );
    expect([...new Set(named)].sort()).toEqual(['auditors', 'teams']);
    expect(await grantsCount()).toBe(0);
  });

  const event = (detail: object, detailType = 'UserCreated', source = 'active-directory.directory') => ({
    EventBusName: environmentOf('decide-access').IDENTITY_BUS,
    Source: source,
    DetailType: detailType,
    Detail: JSON.stringify(detail),
  });

  it('fails for events of another schema version, of an unknown type and malformed ones: nothing is granted, and they wait in the dead-letter queues', async () => {
    const events = [event({ version: 2 }), event({ version: 1 }, 'UserTeleported'), event({ version: 1, subject: 'nobody' })];
    // No rule for access takes a type that the catalogue does not know.
    const expected = { 'decide-access': 2, 'record-audit': 3 };
    const functions = Object.keys(expected) as (keyof typeof expected)[];
    const before = await Promise.all(functions.map((name) => waiting(`${name}-dead-letters`)));
    const granted = await grantsCount();
    const { FailedEntryCount } = await operator('events', 'PutEvents', { Entries: events });
    expect(FailedEntryCount).toBe(0);
    for (const [index, name] of functions.entries()) {
      // Twenty receives, of record-audit's queue each with the second that a batch waits for more.
      await until(
        `${expected[name]} messages in ${name}-dead-letters`,
        async () => (await waiting(`${name}-dead-letters`)) === (before[index] ?? 0) + expected[name] || undefined,
        60_000,
      );
      const reasons = new Set((await logged(name, 'MESSAGE_FAILED')).map(({ message }) => JSON.parse(message).reason as string));
      expect(reasons.size).toBe(expected[name]);
      for (const { message } of await logged(name, 'MESSAGE_FAILED')) expect(message).toContain('InvalidEventError');
    }
    expect(await grantsCount()).toBe(granted);
    await nextGoodRunCarriesOn();
  }, 90_000);

  it("fails for a wrong bind password with AD's reason, says so once, and recovers", async () => {
    const SecretId = environmentOf('detect-changes-corp').BIND_SECRET_ARN;
    const { bindDn: username, bindPassword } = sandbox.population;
    const put = (password: string) =>
      operator('secretsmanager', 'PutSecretValue', { SecretId, SecretString: JSON.stringify({ username, password }) });
    await put('Not-The-Password-1');
    const failed = [await detect(), await detect()];
    await settle();
    for (const { payload } of failed) {
      expect(payload).toMatchObject({
        outcome: 'unreachable',
        reason: expect.stringMatching(/bind of .* refused: wrong user name or password \(data 52e\)/),
      });
    }
    expect(JSON.stringify(failed)).not.toContain('Not-The-Password-1');
    await put(bindPassword);
    await nextGoodRunCarriesOn();
    const unreachable = await until('DirectoryUnreachable', async () =>
      (await eventsOf('DirectoryRecovered')).length ? eventsOf('DirectoryUnreachable') : undefined,
    );
    expect(unreachable).toHaveLength(1);
    expect(await eventsOf('DirectoryRecovered')).toHaveLength(1);
  });

  it.each([
    ['is no JSON', 'hunter2'],
    ['lacks the password', '{"username": "svc"}'],
  ])('fails for a bind secret that %s, naming the secret and never its value', async (_, SecretString) => {
    const SecretId = environmentOf('detect-changes-corp').BIND_SECRET_ARN;
    await operator('secretsmanager', 'PutSecretValue', { SecretId, SecretString });
    const { functionError } = await detect();
    expect(functionError).toContain(SecretId);
    expect(functionError).not.toContain('hunter2');
    const { bindDn: username, bindPassword: password } = sandbox.population;
    await operator('secretsmanager', 'PutSecretValue', { SecretId, SecretString: JSON.stringify({ username, password }) });
    await nextGoodRunCarriesOn();
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['corrupted', Buffer.from('not a cookie')],
  ])('GIVEN a cookie that is %s WHEN polled THEN a full sync reports only what differs', async (_, cookie) => {
    const before = (await auditTrail(sandbox)).length;
    const granted = await grantsCount();
    await setCookie(cookie);
    const result = await detect();
    await settle();
    expect(result.functionError).toBeUndefined();
    expect(result.payload).toMatchObject({ outcome: 'done', written: 0 });
    expect((result.payload as { objects: number }).objects).toBeGreaterThan(20);
    expect((await auditTrail(sandbox)).length).toBe(before);
    expect(await grantsCount()).toBe(granted);
    await nextGoodRunCarriesOn();
  });

  it('fails for a missing environment variable, naming it', async () => {
    const settings = functionOf('sync-roles-identity-center');
    const { GRANTS_TABLE: _, ROLES_TABLE: __, ...environment } = settings.environment;
    const stack = {
      ...sandbox.stack,
      functions: new Map([[settings.name, { ...settings, environment }]]),
      eventSources: [],
      schedules: [],
    };
    const runtime = createRuntime({ endpoint: sandbox.endpoint, stack, hosts: {} });
    try {
      const { functionError } = await runtime.invoke('sync-roles-identity-center', { Records: [] });
      expect(functionError).toMatch(/environment variables missing: GRANTS_TABLE, ROLES_TABLE/);
    } finally {
      await runtime.stop();
    }
  });

  it('GIVEN two detect-changes at once THEN one polls, the other finds the lease held and does nothing', async () => {
    const settings = functionOf('detect-changes-corp');
    const stack = { ...sandbox.stack, functions: new Map([[settings.name, settings]]), eventSources: [], schedules: [] };
    const { controller, endpoint } = sandbox;
    const other = createRuntime({ endpoint, stack, hosts: { [controller.host]: controller.address } });
    // The first is held up while it has the lease: it reads the secret after taking it.
    const [leaseTaken, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const before = () => {
      leaseTaken.resolve();
      return answered.promise;
    };
    const undo = endpoint.inject({ match: ({ operation }) => operation === 'GetSecretValue', times: 1, effect: { before } });
    try {
      const first = detect();
      await leaseTaken.promise;
      const second = await other.invoke('detect-changes-corp', {});
      expect(second.payload).toEqual({ outcome: 'lease-held' });
      answered.resolve();
      expect((await first).payload).toMatchObject({ outcome: 'done' });
    } finally {
      answered.resolve();
      undo();
      await other.stop();
    }
    await nextGoodRunCarriesOn();
  });

  it.each([
    ['the row', 'PutItem'],
    ['the cursor', 'UpdateItem'],
  ])(
    'invariant 2: GIVEN a crash of detect-changes before it writes %s WHEN the lease has run out THEN the change is not lost',
    async (_, operation) => {
      people += 1;
      const { population, mappedGroupDn, endpoint, runtime } = sandbox;
      const dn = await createUser(population.admin, population.usersDn, `person${people}`);
      await changeAttribute(population.admin, mappedGroupDn, 'add', 'member', [dn]);
      let seen = 0;
      const undo = endpoint.inject({
        // The first UpdateItem takes the lease.
        match: (call) => isDetectChanges(call.caller) && call.operation === operation && (operation === 'PutItem' || ++seen === 2),
        effect: { before: () => runtime.killEnvironments('detect-changes-corp') },
      });
      const crashed = await detect();
      undo();
      expect(crashed, JSON.stringify({ crashed, seen })).toHaveProperty('functionError');
      await operator('dynamodb', 'UpdateItem', {
        TableName: environmentOf('detect-changes-corp').DIRECTORY_TABLE,
        Key: cursorKey(),
        UpdateExpression: 'SET leaseUntil = :past',
        ExpressionAttributeValues: { ':past': { N: '1' } },
      });
      expect((await detect()).functionError).toBeUndefined();
      await settle();
      const store = identityStoreOf(sandbox);
      const user = await store.userOf(await guidOf(sandbox, dn));
      expect(user && (await store.rolesOf(user.UserId))).toEqual(['developers']);
    },
  );

  it('GIVEN throttles and errors at Identity Center THEN the role comes all the same', async () => {
    const throttled = sandbox.endpoint.inject({
      match: ({ service }) => service === 'identitystore',
      times: 3,
      effect: { throttle: true },
    });
    await nextGoodRunCarriesOn();
    throttled();
  });

  it('fails when the directory is down: the poll says so, nothing is lost or granted', async () => {
    const granted = await grantsCount();
    await sandbox.population.admin.unbind();
    await sandbox.controller.stop();
    const before = (await eventsOf('DirectoryUnreachable')).length;
    expect((await detect()).payload).toMatchObject({
      outcome: 'unreachable',
      reason: expect.stringMatching(/no domain controller answers: ldaps:\/\/dc1\.corp\.example\.com:636/),
    });
    await detect();
    await settle();
    expect(await eventsOf('DirectoryUnreachable')).toHaveLength(before + 1);
    expect(await grantsCount()).toBe(granted);
  });
});
