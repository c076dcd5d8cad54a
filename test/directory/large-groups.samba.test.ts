/** Groups with thousands of members: in one change at a real domain controller, and spread over many pages, as Active Directory sends them. */
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  type _Record,
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureSettings } from '../../handlers/directory/capture-settings.ts';
import { detectChanges, type PollResult } from '../../handlers/directory/detect-changes/detect-changes.ts';
import { dynamoDbMirror } from '../../handlers/directory/dynamodb-mirror.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { connectLdapSource } from '../../handlers/directory/ldap-source.ts';
import { isEdgeRow, type Mirror } from '../../handlers/directory/mirror.ts';
import { publishChanges } from '../../handlers/directory/publish-changes/publish-changes.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { eventBusPublisher } from '../../handlers/platform/event-bus.ts';
import { guidBytes } from '../../handlers/platform/object-identity.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import { changeAttribute, createGroup } from '../../sandbox/domain-controller/population.ts';
import { type DirSyncAnswer, type DirSyncSearch, type ScriptedLdapServer, startScriptedLdapServer } from '../ldap/scripted-server.ts';
import { thorough } from '../thorough.ts';
import { directoryTable } from './directory-table.ts';
import { FailingCalls, FunctionKilledError } from './killed-function.ts';
import { memoryMirror } from './memory-mirror.ts';
import { base, domain, guidOf, sidOf } from './rows.ts';
import { ofType, type SambaPolls, startSambaPolls } from './samba-polls.ts';

const memberGuids = (events: readonly AnyIdentityEvent[], type: 'GroupMemberAdded' | 'GroupMemberRemoved') =>
  ofType(events, type).map(({ change }) => change.member.guid);

/** Each of so many members once. */
function expectEachOnce(guids: readonly string[], count: number): void {
  expect(guids).toHaveLength(count);
  expect(new Set(guids).size).toBe(count);
}

/** Active Directory gives 1,500 values of an attribute at once (MaxValRange: MS-ADTS section 3.1.1.3.4.6). */
const count = thorough ? 5_000 : 1_600;

describe(`GIVEN a real domain controller with ${count} users`, () => {
  let polls: SambaPolls;
  let groupDn: string;
  const userDn = (number: number) => `CN=Person ${number},${polls.population.usersDn}`;
  const everybody = () => Array.from({ length: count }, (_, number) => userDn(number));

  beforeAll(async () => {
    polls = await startSambaPolls();
    groupDn = await createGroup(polls.population.admin, polls.population.groupsDn, 'Everybody');
    // Into the domain's own database: over LDAP it would take half a minute.
    const users = everybody().map(
      (dn, number) => `dn: ${dn}\nobjectClass: user\nsAMAccountName: person${number}\nuserAccountControl: 544\n`,
    );
    const { directory } = polls.controller;
    const place = [`--configfile=${join(directory, 'smb.conf')}`, '-H', join(directory, 'private', 'sam.ldb')];
    await runCommand('ldbadd', ['--nosync', ...place], { input: users.join('\n') });
    await polls.poll();
  }, 240_000);

  afterAll(async () => {
    await polls?.stop();
  });

  test('WHEN all join a group in one modify THEN each is told once', { timeout: 120_000 }, async () => {
    const events = await polls.eventsOf(() => changeAttribute(polls.population.admin, groupDn, 'add', 'member', everybody()));
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['GroupMemberAdded']));
    expectEachOnce(memberGuids(events, 'GroupMemberAdded'), count);
    expect(await polls.eventsOf(async () => undefined)).toEqual([]);
  });

  test('WHEN half leave it in one modify, and the group is deleted THEN each is told once', { timeout: 120_000 }, async () => {
    const half = everybody().slice(0, count / 2);
    const left = await polls.eventsOf(() => changeAttribute(polls.population.admin, groupDn, 'delete', 'member', half));
    expectEachOnce(memberGuids(left, 'GroupMemberRemoved'), count / 2);
    const ended = await polls.eventsOf(() => polls.population.admin.del(groupDn));
    expect(ofType(ended, 'GroupDeleted')).toHaveLength(1);
    expectEachOnce([...memberGuids(left, 'GroupMemberRemoved'), ...memberGuids(ended, 'GroupMemberRemoved')], count);
  });
});

/** Values of one page; Active Directory pages the values of one attribute too (MS-ADTS section 3.1.1.3.4.1.3). */
const pageValues = 5_000;
const groupNumber = 900_000;

const extendedName = (number: number, name: string): string =>
  `<GUID=${guidOf(number)}>;<SID=${sidOf(number)}>;CN=${name},OU=People,${base}`;
const memberName = (number: number): string => extendedName(number, `Person ${number} of the department with the long name`);

/** The group alone to an empty cookie, and then its members, `pageValues` of them a page. */
const membersInPages =
  (members: number) =>
  ({ dirSync: { cookie } }: DirSyncSearch): DirSyncAnswer => {
    const dn = extendedName(groupNumber, 'Everybody');
    const objectGUID = [guidBytes(guidOf(groupNumber))];
    if (cookie.length === 0) {
      const attributes = { objectGUID, objectClass: ['top', 'group'], name: ['Everybody'], sAMAccountName: ['everybody'] };
      return { entries: [{ dn, attributes }], moreResults: 0, cookie: Buffer.from('0') };
    }
    const start = Number(cookie);
    const end = Math.min(start + pageValues, members);
    const values = Array.from({ length: end - start }, (_, index) => memberName(start + index));
    const entries = values.length === 0 ? [] : [{ dn, attributes: { objectGUID, 'member;range=1-1': values } }];
    return { entries, moreResults: end < members ? 1 : 0, cookie: Buffer.from(String(end)) };
  };

describe('GIVEN a domain controller that pages', () => {
  let server: ScriptedLdapServer;
  /** It answers as if something was written each time. */
  let usn = 1_000;
  const pages = thorough ? 10 : 6;
  const members = pages * pageValues;
  let time = Date.parse('2025-03-01T10:00:00Z');
  const now = () => new Date(time);
  let requests = 0;

  const rootDse = {
    get highestCommittedUSN() {
      usn += 1;
      return [String(usn)];
    },
  };

  beforeAll(async () => {
    server = await startScriptedLdapServer({ rootDse, dirSync: membersInPages(members) });
  });

  afterAll(async () => {
    await server?.close();
  });

  const poll = (mirror: Mirror, remainingMs: () => number = () => 300_000, at = server): Promise<PollResult> => {
    requests += 1;
    const connect = () =>
      connectLdapSource({
        urls: [at.url],
        ca: at.ca,
        namingContext: base,
        credentials: { username: 'svc@corp.example.com', password: 'x' },
      });
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    return detectChanges(
      { domain, settings: captureSettings({}), mirror, connect, log, now },
      { requestId: `request-${requests}`, remainingMs },
    );
  };

  const added = ({ changes }: ReturnType<typeof memoryMirror>) =>
    memberGuids(
      changes.flatMap(({ before, after }) => identityEvents(before, after)),
      'GroupMemberAdded',
    );

  test(`WHEN ${members} members join THEN they come in pages of ${pageValues}, each once, and the cursor follows each page`, {
    timeout: 120_000,
  }, async () => {
    const mirror = memoryMirror(now);
    await poll(mirror);
    const searches = server.dirSyncSearches().length;
    expect(await poll(mirror)).toMatchObject({ outcome: 'done', pages });
    expectEachOnce(added(mirror), members);
    expect(server.dirSyncSearches().length - searches).toBe(pages);
    expect(mirror.writes.cursors).toBe(pages - 1);
    expect(mirror.all().filter((row) => isEdgeRow(row) && row.present)).toHaveLength(members);
  });

  test('WHEN time runs out after each second page, and a function is killed within one THEN nothing is lost or doubled', {
    timeout: 120_000,
  }, async () => {
    const mirror = memoryMirror(now);
    await poll(mirror);
    // GIVEN an invocation that has time for two pages
    const twoPages = () => {
      let asked = 0;
      return () => (asked++ < 2 ? 300_000 : 29_000);
    };
    expect(await poll(mirror, twoPages())).toMatchObject({ outcome: 'continues', pages: 2 });
    expect(added(mirror)).toHaveLength(2 * pageValues);
    // GIVEN one that is killed while it writes: every second row is taken
    const calls = new FailingCalls({ kind: 'killed', of: 'write', call: 0, effect: 'every second row' });
    await expect(poll(calls.mirror(mirror))).rejects.toThrow(FunctionKilledError);
    expect(added(mirror)).toHaveLength(2.5 * pageValues);
    time += 300_001;
    let polled = 0;
    while ((await poll(mirror, twoPages())).outcome === 'continues') polled += 1;
    // The last two of what was left end it.
    expect(polled).toBe((pages - 2) / 2 - 1);
    expectEachOnce(added(mirror), members);
  });

  describe('and a table in DynamoDB, with a bus behind it', () => {
    const few = thorough ? 5_000 : 2_000;
    let endpoint: AwsEndpoint;
    let small: ScriptedLdapServer;
    const clients: { destroy(): void }[] = [];

    beforeAll(async () => {
      endpoint = await startEndpoint({ region: 'eu-central-2', account: '111122223333', identityStoreId: 'd-1234567890' });
      small = await startScriptedLdapServer({ rootDse, dirSync: membersInPages(few) });
    });

    afterAll(async () => {
      for (const client of clients) client.destroy();
      await small?.close();
      await endpoint?.close();
    });

    test(`WHEN ${few} members join THEN each is told once, and no item, entry or batch is too large`, { timeout: 120_000 }, async () => {
      const options = { endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator };
      const [dynamoDb, streams, bus] = [new DynamoDBClient(options), new DynamoDBStreamsClient(options), new EventBridgeClient(options)];
      clients.push(dynamoDb, streams, bus);
      const table = await endpoint.call('operator', 'dynamodb', 'CreateTable', directoryTable('directory'));
      await endpoint.call('operator', 'events', 'CreateEventBus', { Name: 'identity' });
      const mirror = dynamoDbMirror(dynamoDb, 'directory', now);
      await poll(mirror, undefined, small);
      await poll(mirror, undefined, small);

      const { LatestStreamArn } = table.TableDescription as { LatestStreamArn: string };
      // As the event source's filter has it: the cursor is nobody's event.
      const records = (await allRecords(streams, LatestStreamArn)).filter(({ dynamodb }) => dynamodb?.Keys?.sk?.S !== 'cursor');
      for (const { dynamodb } of records) {
        // More than DynamoDB counts: the types of the values are in it ("DynamoDB item sizes and formats").
        expect(Buffer.byteLength(JSON.stringify(dynamodb?.NewImage))).toBeLessThan(400 * 1024);
      }
      const batches = observed(endpoint);
      const publish = eventBusPublisher(bus, 'identity');
      const log = { info: () => {}, warn: () => {}, error: () => {} };
      const deps = { publish, setAside: async () => expect.unreachable('every record is readable'), log };
      for (let start = 0; start < records.length; start += 100) {
        await publishChanges(deps, { Records: records.slice(start, start + 100) } as DynamoDBStreamEvent);
      }
      const entries = batches.flat();
      const joined = entries.filter(({ DetailType }) => DetailType === 'GroupMemberAdded').map(({ Detail }) => JSON.parse(Detail));
      expectEachOnce(
        joined.map((event) => event.change.member.guid),
        few,
      );
      expectEachOnce(
        joined.map((event) => event.id),
        few,
      );
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(10);
        expect(batch.reduce((sum, entry) => sum + entrySize(entry), 0)).toBeLessThan(256 * 1024);
      }
      const largest = Math.max(...batches.map((batch) => batch.reduce((sum, entry) => sum + entrySize(entry), 0)));
      console.log(`largest batch of ${batches.length}: ${largest} bytes`);
    });
  });
});

interface Entry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
}

/** "Calculating Amazon EventBridge PutEvents event entry size": the time counts 14 bytes. */
const entrySize = ({ Source, DetailType, Detail }: Entry): number => 14 + Buffer.byteLength(Source + DetailType + Detail);

/** The entries of each PutEvents from now on. */
function observed(endpoint: AwsEndpoint): Entry[][] {
  const batches: Entry[][] = [];
  endpoint.inject({
    match: ({ operation, input }) => {
      if (operation === 'PutEvents') batches.push((input as { Entries: Entry[] }).Entries);
      return false;
    },
    effect: { throttle: true },
  });
  return batches;
}

async function allRecords(streams: DynamoDBStreamsClient, StreamArn: string): Promise<_Record[]> {
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
  const first = await streams.send(new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }));
  const records: _Record[] = [];
  for (let ShardIterator = first.ShardIterator; ShardIterator !== undefined; ) {
    const page = await streams.send(new GetRecordsCommand({ ShardIterator }));
    if (page.Records?.length === 0) break;
    records.push(...(page.Records ?? []));
    ShardIterator = page.NextShardIterator;
  }
  return records;
}
