/** Deliveries of CloudWatch Logs to hints and wakes. */
import { gzipSync } from 'node:zlib';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import {
  parseSecurityLogs,
  type ReadSecurityLogDependencies,
  readSecurityLog,
} from '../../../handlers/directory/read-security-log/read-security-log.ts';
import { actorOf } from '../../../handlers/directory/security-log/actor-hints.ts';
import { dynamoDbActorHints } from '../../../handlers/directory/security-log/dynamodb-actor-hints.ts';
import { dynamoDbWakeLedger } from '../../../handlers/directory/security-log/dynamodb-wake-ledger.ts';
import { nothingDropped } from '../../../handlers/directory/security-log/event-xml.ts';
import { invokeDetectChanges } from '../../../handlers/directory/security-log/invoke-detect-changes.ts';
import { wake } from '../../../handlers/directory/security-log/wake.ts';
import { ConfigurationError, InvalidEventError } from '../../../handlers/platform/errors.ts';
import { clientOf, failure, roleAllowed } from '../../sandbox/aws/endpoint-fixture.ts';
import { actorsTable, actorsTableForTests } from './actors-table.ts';
import { memoryActorHints } from './memory-actor-hints.ts';
import { admin, groupSid, manyLines, objectGuid, oneLine, userSid } from './windows-events.ts';

const logGroup = '/aws/directoryservice/d-1234567890-corp.example.com';
const now = new Date('2025-03-01T10:01:00Z');

const packed = (value: unknown) => ({ awslogs: { data: gzipSync(JSON.stringify(value)).toString('base64') } });
/** As in "Log group-level subscription filters", example 2. */
const delivery = (messages: readonly string[], change: object = {}) =>
  packed({
    messageType: 'DATA_MESSAGE',
    owner: '111122223333',
    logGroup,
    logStream: 'dc1.corp.example.com',
    subscriptionFilters: ['security-events'],
    logEvents: messages.map((message, index) => ({ id: String(index), timestamp: now.getTime(), message })),
    ...change,
  });

function deps(change: Partial<ReadSecurityLogDependencies> = {}) {
  const hints = memoryActorHints();
  /** What was done, in order. */
  const steps: string[] = [];
  const lines: [code: string, fields: unknown][] = [];
  const write = (code: string, fields?: unknown) => void lines.push([code, fields]);
  return {
    steps,
    lines,
    kept: hints.all,
    logs: [{ logGroup, wake: 'detect-changes' }, { logGroup: '/quiet' }],
    hints: {
      ...hints,
      keep: async (more: Parameters<typeof hints.keep>[0]) => {
        steps.push(`keep ${more.length}`);
        await hints.keep(more);
      },
    },
    wake: async (name: string) => {
      steps.push(`wake ${name}`);
      return 'now' as const;
    },
    log: { info: write, warn: write, error: write },
    now: () => now,
    ...change,
  };
}

const disabled = oneLine({ id: 4725, data: { TargetUserName: 'ada.lovelace', TargetSid: userSid } });
const added = manyLines({ id: 4728, recordId: 410205, data: { MemberName: '-', MemberSid: userSid, TargetSid: groupSid } });
const logon = oneLine({ id: 4624, recordId: 410206 });

describe('GIVEN a delivery', () => {
  test('WHEN it has events THEN their hints are kept, and only then detect-changes is woken, once', async () => {
    const reader = deps();
    await readSecurityLog(reader, delivery([disabled + logon, 'a line', added]));
    expect(reader.steps).toEqual(['keep 2', 'wake detect-changes']);
    expect(reader.kept()).toMatchObject([
      { subject: userSid, action: 'disabled', actor: admin },
      { subject: groupSid, action: 'member-added', member: userSid, actor: admin },
    ]);
    const dropped = { ...nothingDropped(), 'other-event-id': 1, 'not-an-event': 1 };
    expect(reader.lines).toEqual([['SECURITY_LOG_READ', { logGroup, records: 3, events: 2, hints: 2, dropped, woken: 'now' }]]);
  });

  test('WHEN it has an event without an actor THEN there is no hint, and a wake all the same', async () => {
    const reader = deps();
    await readSecurityLog(reader, delivery([oneLine({ id: 4725, data: { TargetSid: userSid, SubjectUserSid: 'S-1-0-0' } })]));
    expect(reader.kept()).toEqual([]);
    expect(reader.steps).toContain('wake detect-changes');
  });

  test.each([
    ['lines that are no events', ['a line', '']],
    ['events of other ids', [logon]],
    ['a cut-off event', [disabled.slice(0, 300)]],
    ['hostile XML', [`<!DOCTYPE Event [<!ENTITY a "a">]>${disabled}`, disabled.replace('ada', '&a;')]],
    ['nothing', []],
  ])('WHEN it has only %s THEN nothing is kept and nobody is woken', async (_, messages) => {
    const reader = deps();
    await readSecurityLog(reader, delivery(messages));
    expect(reader.kept()).toEqual([]);
    expect(reader.steps).not.toContain('wake detect-changes');
    expect(reader.lines).toMatchObject([['SECURITY_LOG_READ', { records: messages.length, events: 0, woken: 'no' }]]);
  });

  test('WHEN its log group wakes nobody THEN the hints are kept', async () => {
    const reader = deps();
    await readSecurityLog(reader, delivery([disabled], { logGroup: '/quiet' }));
    expect(reader.steps).toEqual(['keep 1']);
  });

  test('WHEN it is a control message THEN it is counted', async () => {
    const reader = deps();
    const logEvents = [{ id: '', timestamp: 0, message: 'CWL CONTROL MESSAGE: Checking health of destination Lambda.' }];
    await readSecurityLog(reader, delivery([], { messageType: 'CONTROL_MESSAGE', logGroup: '', logStream: '', logEvents }));
    expect(reader.steps).not.toContain('wake detect-changes');
    expect(reader.lines).toMatchObject([['SECURITY_LOG_READ', { controlMessages: 1, records: 0, events: 0 }]]);
  });

  test('WHEN it is delivered again THEN the hints are the same', async () => {
    const reader = deps();
    await readSecurityLog(reader, delivery([disabled, added]));
    const once = structuredClone(reader.kept());
    await readSecurityLog(reader, delivery([disabled, added]));
    expect(reader.kept()).toEqual(once);
  });

  test('WHEN it is logged THEN no word of an event is, hostile or not', async () => {
    const reader = deps();
    const words = [disabled, logon, added, 'secret-line', disabled.replace('ada', '&secret;'), disabled.slice(0, 400)];
    await readSecurityLog(reader, delivery(words));
    expect(JSON.stringify(reader.lines)).not.toMatch(/ada|S-1-5|ops|secret|410|dc1/);
  });

  test('fails when the hints are not kept: nobody is woken to a poll that would not find them', async () => {
    const hints = { ...memoryActorHints(), keep: () => Promise.reject(new Error('no capacity')) };
    const reader = deps({ hints });
    await expect(readSecurityLog(reader, delivery([disabled]))).rejects.toThrow('no capacity');
    expect(reader.steps).toEqual([]);
  });

  test('fails when detect-changes cannot be woken: the delivery is repeated', async () => {
    const reader = deps({ wake: () => Promise.reject(new Error('no such function')) });
    await expect(readSecurityLog(reader, delivery([disabled]))).rejects.toThrow('no such function');
  });

  test('fails for a log group that is not listed, with its name and the remedy', async () => {
    const reader = deps();
    const error = await failure(readSecurityLog(reader, delivery([disabled], { logGroup: '/aws/other' })));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(/"\/aws\/other" is not in SECURITY_LOGS/);
    expect(reader.steps).toEqual([]);
  });
});

describe('GIVEN what is no delivery', () => {
  const gzipped = (text: string | Buffer) => ({ awslogs: { data: gzipSync(text).toString('base64') } });
  const whole = delivery([disabled]).awslogs.data;

  test.each<[string, unknown]>([
    ['no object', 'text'],
    ['nothing', undefined],
    ['an event of another source', { Records: [] }],
    ['no gzip', { awslogs: { data: Buffer.from('secret').toString('base64') } }],
    ['no base64', { awslogs: { data: '!' } }],
    ['half of a gzip', { awslogs: { data: whole.slice(0, whole.length / 2) } }],
    ['no JSON', gzipped('secret')],
    ['JSON that is no delivery', packed(['secret'])],
    ['no log group', packed({ messageType: 'DATA_MESSAGE', logEvents: [] })],
    ['a message that is no text', delivery([], { logEvents: [{ message: 1 }] })],
    ['another type of message', delivery([disabled], { messageType: 'secret' })],
    ['more than 10 MiB in a few kilobytes', gzipped(Buffer.alloc(10 * 1024 * 1024 + 1, ' '))],
  ])('fails for %s, and tells nothing of what it holds', async (_, event) => {
    const reader = deps();
    const error = await failure(readSecurityLog(reader, event));
    expect(error).toBeInstanceOf(InvalidEventError);
    expect(error.message).not.toContain('secret');
    expect(reader.steps).toEqual([]);
  });

  test('a delivery of close to 10 MiB is read', async () => {
    const reader = deps();
    await readSecurityLog(reader, delivery([' '.repeat(10 * 1024 * 1024 - 10_000), disabled]));
    expect(reader.kept()).toHaveLength(1);
  });
});

describe('GIVEN the setting SECURITY_LOGS', () => {
  test('WHEN it lists log groups THEN each is known, with whom it wakes', () => {
    const logs = [{ logGroup, wake: 'detect-changes' }, { logGroup: '/quiet' }];
    expect(parseSecurityLogs(JSON.stringify(logs))).toEqual(logs);
  });

  test.each([
    ['no JSON', '['],
    ['no list', '{}'],
    ['an empty list', '[]'],
    ['a name that is empty', '[{"logGroup":""}]'],
    ['a field that is not known', '[{"logGroup":"/a","wakes":"detect-changes"}]'],
    ['a log group twice', '[{"logGroup":"/a"},{"logGroup":"/a","wake":"detect-changes"}]'],
  ])('fails for %s', (_, text) => {
    expect(() => parseSecurityLogs(text)).toThrow(ConfigurationError);
    expect(() => parseSecurityLogs(text)).toThrow(/SECURITY_LOGS/);
  });
});

describe('GIVEN AWS', async () => {
  const { endpoint, client } = await actorsTableForTests();
  const Role = roleAllowed(endpoint, 'detect-changes', []);
  await endpoint.call('operator', 'lambda', 'CreateFunction', {
    FunctionName: 'detect-changes',
    Role,
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
  });
  const lambda = new LambdaClient(clientOf(endpoint));
  const hints = dynamoDbActorHints(client, actorsTable);

  test('WHEN an event arrives THEN detect-changes is started without waiting for it, and finds the actor', async () => {
    const started: unknown[] = [];
    endpoint.onInvoke(async (request) => {
      const found = await hints.about([objectGuid], '2025-03-01T09:46:00Z');
      started.push(request, actorOf(found, { actions: ['moved'] }));
      return { payload: 'null' };
    });
    const waking = {
      ledger: dynamoDbWakeLedger(client, actorsTable),
      invoke: invokeDetectChanges(lambda),
      now: () => new Date(),
      wait: async () => {},
      newHolder: () => 'one',
    };
    const reader = deps({ hints, wake: (name) => wake(waking, name) });
    await readSecurityLog(reader, delivery([oneLine({ id: 5139, data: { ObjectGUID: `{${objectGuid}}` } })]));
    expect(started).toEqual([{ functionName: 'detect-changes', payload: '{"wake":"security-log"}', invocationType: 'Event' }, admin]);
    expect(reader.lines).toMatchObject([['SECURITY_LOG_READ', { woken: 'now' }]]);
  });

  test('fails to wake a function that is not there', async () => {
    const error = await failure(invokeDetectChanges(lambda)('no-such-function'));
    expect(error.name).toBe('ResourceNotFoundException');
  });
});
