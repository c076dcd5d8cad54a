/** One id from a change of the directory to the role at the target and its audit record: in events, messages, records, and in each line that is logged. */
import type { Context, DynamoDBRecord, SQSEvent, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { auditRecord } from '../handlers/audit/audit-record.ts';
import { publishChanges } from '../handlers/directory/publish-changes/publish-changes.ts';
import { type AnyIdentityEvent, causeOf, correlationId, makeEvent, parseEvent, toEntry } from '../handlers/events/identity-event.ts';
import { chainOf } from '../handlers/platform/chain.ts';
import { toItem } from '../handlers/platform/dynamodb.ts';
import { RetryableError } from '../handlers/platform/errors.ts';
import { createLog } from '../handlers/platform/log.ts';
import { eachMessage } from '../handlers/platform/queue.ts';
import { syncRoles } from '../handlers/roles/sync-roles/sync-roles.ts';
import { Deciding, delivered } from './access/deciding.ts';
import { ada, Polls } from './directory/polls.ts';
import { delta, domain, groupObject, referenceTo } from './directory/rows.ts';
import { memoryTargetWorld } from './roles/memory-target.ts';
import { syncing } from './roles/syncing.ts';

const developers = groupObject(30, 'AWS-Developers');
const trace = '1-5759e988-bd862e3fe1be46a994272793';

interface Line {
  readonly service: string;
  readonly message: string;
  readonly correlationId?: string;
  readonly xray_trace_id?: string;
}
let lines: Line[];

beforeEach(() => {
  lines = [];
  vi.stubEnv('_X_AMZN_TRACE_ID', `Root=${trace};Parent=53995c3f42cd8ad8;Sampled=1`);
  const write = (text: unknown) => lines.push(JSON.parse(String(text)) as Line) > 0;
  vi.spyOn(process.stdout, 'write').mockImplementation(write);
  vi.spyOn(process.stderr, 'write').mockImplementation(write);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Hands messages to a function as Lambda does. @returns those that go back to the queue */
async function deliver(name: string, bodies: readonly string[], handle: (body: string) => Promise<void>): Promise<readonly string[]> {
  const Records = bodies.map((body, index) => ({
    messageId: String(index),
    body,
    receiptHandle: String(index),
    attributes: { ApproximateReceiveCount: '1' },
    eventSource: 'aws:sqs',
  }));
  const context = { getRemainingTimeInMillis: () => 30_000 } as Context;
  const consumer = { log: createLog(name), postpone: async () => {} };
  const event = { Records: Records as unknown as SQSRecord[] } as SQSEvent;
  const { batchItemFailures } = await eachMessage(event, context, consumer, ({ body }) => handle(body));
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

/** GIVEN the directory's answer to a poll WHEN each function has done its part THEN these are the events, in order. */
async function wholeWay(): Promise<{ readonly events: readonly AnyIdentityEvent[]; readonly messages: readonly string[] }> {
  const polls = new Polls();
  await polls.firstSync(developers);
  const known = polls.mirror.changes.length;
  await polls.told(delta(developers, { membersAdded: [referenceTo(ada)] }));
  const published: AnyIdentityEvent[] = [];
  const records = polls.mirror.changes.slice(known).map(({ before, after }) => ({
    dynamodb: { NewImage: toItem(after), ...(before && { OldImage: toItem(before) }) },
  }));
  const publish = async (events: readonly AnyIdentityEvent[]) => void published.push(...events);
  const setAside = async () => {};
  await publishChanges({ publish, setAside, log: createLog('publish-changes') }, { Records: records as DynamoDBRecord[] });

  const deciding = new Deciding(polls.mirror, [domain]);
  expect(published.map(({ type }) => type)).toEqual(['GroupMemberAdded']);
  const log = createLog('decide-access');
  await deliver('decide-access', published.map(delivered), (body) => deciding.decide(body, { log }));

  const sync = syncing(memoryTargetWorld(), { now: () => new Date('2025-03-01T10:01:42Z') });
  for (const item of deciding.grants.items.values()) sync.grants.items.set(item.pk, item);
  const messages = deciding.sent.map(({ target: _, ...message }) => JSON.stringify(message));
  const dependencies = { ...sync.dependencies(), log: createLog('sync-roles') };
  await deliver('sync-roles', messages, (body) => syncRoles(dependencies, body));
  return { events: [...published, ...deciding.published, ...sync.published], messages };
}

describe('a new member of a group', () => {
  test('WHEN detected, published, decided on, made so and recorded THEN events, messages and records carry the id of the first event', async () => {
    const { events, messages } = await wholeWay();
    const [first] = events;
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['GroupMemberAdded', 'AccessDecided', 'AccountProvisioned', 'RoleGranted']),
    );
    expect([...new Set(events.map(correlationId))]).toEqual([first?.id]);
    expect(messages.map(chainOf)).toEqual([first?.id]);
    const records = events.map((event) => auditRecord(event, '2025-03-01T10:01:00.000Z', { code: 'a1', configuration: 'access/1.json' }));
    expect([...new Set(records.map(({ metadata }) => metadata.correlation_uid))]).toEqual([first?.id]);
    // The chain can still be followed hop by hop.
    const granted = events.find(({ type }) => type === 'RoleGranted');
    const decided = events.find(({ type }) => type === 'AccessDecided');
    expect(granted?.cause).toMatchObject({ id: decided?.id, type: 'AccessDecided', root: { id: first?.id, type: 'GroupMemberAdded' } });
  });

  test('WHEN its lines are looked for by that id THEN there is one of each function, and each names its trace', async () => {
    const { events } = await wholeWay();
    const found = lines.filter((line) => line.correlationId === events[0]?.id);
    expect(found.map(({ service, message }) => `${service} ${message}`)).toEqual([
      'publish-changes CHANGE_PUBLISHED',
      'decide-access ACCESS_DECIDED',
      'sync-roles ROLES_SYNCED',
    ]);
    for (const line of found) expect(line.xray_trace_id).toBe(trace);
  });

  test('WHEN its role is made so THEN the line tells the seconds since the change was seen', async () => {
    await wholeWay();
    expect(lines.find(({ message }) => message === 'ROLES_SYNCED')).toMatchObject({ lagSeconds: 42 });
  });
});

describe('lines of messages that are handled side by side', () => {
  test('WHEN one fails late THEN its line carries its own id, the others theirs', async () => {
    const message = (id: string) =>
      JSON.stringify({ cause: { id: `decision-${id}`, type: 'AccessDecided', root: { id, type: 'UserUpdated' } } });
    const log = createLog('sync-roles');
    const back = await deliver('sync-roles', ['a', 'b', 'c'].map(message), async (body) => {
      await new Promise((resolve) => setTimeout(resolve, body.includes('"a"') ? 20 : 1));
      log.info('ROLES_CURRENT', { body });
      if (body.includes('"a"')) throw new RetryableError('not now');
    });
    expect(back).toEqual(['0']);
    expect(lines.map(({ message, correlationId }) => `${message} ${correlationId}`).sort()).toEqual([
      'MESSAGE_FAILED a',
      'ROLES_CURRENT a',
      'ROLES_CURRENT b',
      'ROLES_CURRENT c',
    ]);
  });

  test('WHEN a line is logged for no message THEN it carries no id', () => {
    createLog('detect-changes').info('POLL_DONE', { domain });
    expect(lines).toMatchObject([{ message: 'POLL_DONE' }]);
    expect(lines[0]).not.toHaveProperty('correlationId');
  });
});

describe('the chain of a message', () => {
  const cause = { id: 'c', type: 'AccessDecided' };

  test.each([
    ['an event that begins one', { id: 'bridge', detail: { id: 'e' } }, 'e'],
    ['an event with a cause', { id: 'bridge', detail: { id: 'e', cause } }, 'c'],
    ['an event further on', { id: 'bridge', detail: { id: 'e', cause: { ...cause, root: { id: 'r', type: 'UserDisabled' } } } }, 'r'],
    ['a message of ours', { lookAt: {}, cause: { ...cause, root: { id: 'r', type: 'UserDisabled' } } }, 'r'],
    ['a message of a release that knew no root', { lookAt: {}, cause }, 'c'],
    ["another's signal", { id: 'bridge', detail: { credential: 'wiki' } }, 'bridge'],
    ['the tick of a schedule', { revalidate: true }, undefined],
    ['an id that is no text', { detail: { id: 7, cause: { id: null } } }, undefined],
    ['no object', null, undefined],
    ['a text', 'text', undefined],
  ])('GIVEN %s THEN it is known by what it tells', (_, message, expected) => {
    expect(chainOf(JSON.stringify(message))).toBe(expected);
  });

  test('GIVEN what is no JSON THEN it belongs to none, and whoever reads it says so', () => {
    expect(chainOf('{')).toBeUndefined();
  });
});

describe('an event with its root', () => {
  const first = makeEvent({
    type: 'UserDisabled',
    domain,
    subject: { guid: 'g', type: 'user', name: 'ada', dn: 'CN=ada' },
    change: { userAccountControl: { before: 512, after: 514 } },
    revision: 2,
    at: '2025-03-01T10:00:00.000Z',
  } as unknown as Parameters<typeof makeEvent>[0]);

  test('WHEN it is the first THEN its effect names it alone, as before', () => {
    expect(causeOf(first)).toEqual({ id: first.id, type: first.type, occurredAt: first.occurredAt, detectedAt: first.detectedAt });
  });

  test('WHEN it has a cause without a root, of a release before THEN the root is that cause', () => {
    const second = { ...first, id: 'second', cause: { id: 'older', type: 'UserUpdated' } };
    expect(causeOf(second).root).toEqual({ id: 'older', type: 'UserUpdated' });
    expect(correlationId(second)).toBe('older');
  });

  test('fails to be read with a root that has no type', () => {
    const { Source, DetailType, Detail } = toEntry({ ...first, cause: { id: 'c', type: 'x', root: { id: 'r' } as never } });
    expect(() => parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) })).toThrow(/cause\.root\.type/);
  });
});
