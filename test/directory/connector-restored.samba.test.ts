/** Domain controllers (Samba) that are put back to an earlier state, and cursors that are lost: a full sync, and no change lost or invented. */
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ChangedObject, DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { dynamoDbMirror } from '../../handlers/directory/dynamodb-mirror.ts';
import { type Cursor, isObjectRow, type Mirror } from '../../handlers/directory/mirror.ts';
import { startEndpoint } from '../../sandbox/aws/endpoint.ts';
import type { DirectoryCopy } from '../../sandbox/domain-controller/index.ts';
import { administratorClient, changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';
import { directoryTable } from './directory-table.ts';
import { directoryContents, mirrorContents } from './ldapsearch.ts';
import { answering, lines, ofType, type SambaPolls, startSambaPolls, watched } from './samba-polls.ts';

let polls: SambaPolls;
let admin: SambaPolls['population']['admin'];
let people: string;
let groups: string;
let round = 0;

const extra = ['department'];

beforeAll(async () => {
  polls = await startSambaPolls({ settings: { attributes: extra } });
  ({ usersDn: people, groupsDn: groups } = polls.population);
  await polls.poll();
});

beforeEach(async () => {
  // Rolling a domain controller back cuts every connection.
  admin = await administratorClient(polls.controller);
});

afterEach(async () => {
  await admin.unbind();
});

afterAll(async () => {
  await polls?.stop();
});

const replace = (dn: string, type: string, ...values: string[]) => changeAttribute(admin, dn, 'replace', type, values);
const user = (name: string) => `CN=${name},${people}`;
const group = (name: string) => `CN=${name},${groups}`;
const sync = () => polls.eventsOf(async () => {});

/** Saves the cursor with something else in it. */
async function tamper(change: Partial<Cursor>): Promise<void> {
  const lease = await polls.mirror.acquireLease(polls.domain, 'tamper', 60_000);
  if (lease?.cursor === undefined) throw new Error('no cursor to tamper with');
  await polls.mirror.release(polls.domain, lease.fence, { ...lease.cursor, ...change });
}

async function expectMirrorIsDirectory(): Promise<void> {
  expect(mirrorContents(polls.mirror.all(), polls.domain, extra)).toEqual(await directoryContents(polls.controller, extra));
}

interface Before {
  readonly copy: DirectoryCopy;
  readonly names: Readonly<Record<'kept' | 'renamed' | 'deleted' | 'made' | 'staff' | 'crew', string>>;
}

/** GIVEN a directory that was copied, changed in every way since, and polled. */
async function copiedAndChanged(): Promise<Before> {
  round += 1;
  const name = (text: string) => `${text} ${round}`;
  const names = {
    ...{ kept: name('Kept'), renamed: name('Renamed'), deleted: name('Deleted'), made: name('Made') },
    ...{ staff: name('Staff'), crew: name('Crew') },
  };
  await createUser(admin, people, names.kept, { department: 'Before' });
  for (const text of [names.renamed, names.deleted]) await createUser(admin, people, text);
  for (const text of [names.staff, names.crew]) await createGroup(admin, groups, text);
  await changeAttribute(admin, group(names.staff), 'add', 'member', [user(names.kept), user(names.deleted)]);
  await polls.poll();
  const copy = await polls.controller.copy();

  await createUser(admin, people, names.made);
  await changeAttribute(admin, group(names.staff), 'add', 'member', [user(names.made)]);
  await replace(user(names.kept), 'department', 'After');
  await replace(user(names.kept), 'mail', 'after@example.com');
  await changeAttribute(admin, group(names.staff), 'delete', 'member', [user(names.kept)]);
  await changeAttribute(admin, group(names.crew), 'add', 'member', [user(names.kept)]);
  await admin.modifyDN(user(names.renamed), user(`${names.renamed} Anew`));
  await admin.del(user(names.deleted));
  await polls.poll();
  return { copy, names };
}

/** What the copy reverted, as ordinary changes. */
const reverted = ({ kept, renamed, deleted, made, staff, crew }: Before['names']): string[] =>
  [
    `UserUpdated ${kept}`,
    `UserUpdated ${kept}`,
    `GroupMemberAdded ${staff}`,
    `GroupMemberRemoved ${crew}`,
    `UserRenamed ${renamed}`,
    // It was a tombstone, and lives again as if it had never been one.
    `UserRestored ${deleted}`,
    `GroupMemberAdded ${staff}`,
    'GroupMemberAdded Domain Users',
    `UserDeleted ${made}`,
    `GroupMemberRemoved ${staff}`,
    'GroupMemberRemoved Domain Users',
  ].sort();

const kinds: readonly ['controller-rolled-back' | 'controller-restored', (copy: DirectoryCopy) => Promise<void>][] = [
  ['controller-rolled-back', (copy) => polls.controller.rollBack(copy)],
  ['controller-restored', (copy) => polls.controller.restore(copy)],
];

describe.each(kinds)('GIVEN a domain controller that comes back as of a copy: %s', (reason, putBack) => {
  test('THEN its silence is not believed: a full sync tells what was reverted, and the mirror is the directory', async () => {
    const { copy, names } = await copiedAndChanged();
    const cookie = polls.cursor?.cookie ?? Buffer.alloc(0);
    await putBack(copy);
    const source = await polls.dependencies().connect(new Set());
    const told = (await source.changesSince(cookie)).objects.map(({ dn }: ChangedObject) => dn);
    await source.close();
    // This is why a cookie is not enough.
    expect(told.filter((dn) => Object.values(names).some((name) => dn.startsWith(`CN=${name}`)))).toEqual([]);

    const mark = polls.mark();
    const trouble = await polls.troubleOf(() => polls.poll());
    expect(trouble).toMatchObject([{ code: 'FULL_SYNC', fields: { reason, server: polls.controller.host } }]);
    const events = polls.eventsSince(mark);
    expect(lines(events).sort()).toEqual(reverted(names));
    expect(ofType(events, 'UserUpdated').map(({ change }) => change)).toEqual([
      { department: { before: 'After', after: 'Before' } },
      // Absent in a full read is not cleared: that it has no value any more was looked up.
      { mail: { before: 'after@example.com', after: null } },
    ]);
    await expectMirrorIsDirectory();
    expect(await sync()).toEqual([]);
  });

  test('THEN nothing made since is told as deleted before a look-up by GUID proved it (invariant 3)', async () => {
    const { copy, names } = await copiedAndChanged();
    const { guid } = polls.row(names.made);
    await putBack(copy);
    polls.between = (source) =>
      watched(source, (name) => {
        if (name === 'existence') throw new DirectoryUnreachableError('the connection was cut');
      });
    const mark = polls.mark();
    await expect(polls.poll()).rejects.toThrow('the connection was cut');
    expect(polls.row(names.made)).toMatchObject({ guid, deleted: false });
    expect(lines(polls.eventsSince(mark))).not.toContain(`UserDeleted ${names.made}`);

    polls.between = (source) => source;
    await polls.poll();
    expect(polls.row(names.made)).toMatchObject({ guid, deleted: true });
    expect(
      lines(polls.eventsSince(mark))
        .filter((line) => !line.startsWith('Directory'))
        .sort(),
    ).toEqual(reverted(names));
    await expectMirrorIsDirectory();
  });

  test('THEN what is written after it, perhaps under USNs and RIDs that were given out before, is told too', async () => {
    const { copy, names } = await copiedAndChanged();
    await putBack(copy);
    admin = await administratorClient(polls.controller);
    const heir = `Heir ${round}`;
    await createUser(admin, people, heir);
    const events = lines(await sync());
    expect(events).toEqual(expect.arrayContaining([`UserCreated ${heir}`, `UserDeleted ${names.made}`]));
    await expectMirrorIsDirectory();
    expect(lines(await polls.eventsOf(() => replace(user(heir), 'department', 'New')))).toEqual([`UserUpdated ${heir}`]);
  });
});

describe('GIVEN a full sync for another reason, with changes that nobody polled', () => {
  /** A deletion, an update and a creation. @returns what has to be told of them */
  async function missedChanges(): Promise<string[]> {
    round += 1;
    const [changed, gone, born] = [`Changed ${round}`, `Gone ${round}`, `Born ${round}`];
    for (const name of [changed, gone]) await createUser(admin, people, name);
    await polls.poll();
    await replace(user(changed), 'department', 'Other');
    await admin.del(user(gone));
    await createUser(admin, people, born);
    return [
      `UserUpdated ${changed}`,
      `UserDeleted ${gone}`,
      'GroupMemberRemoved Domain Users',
      `UserCreated ${born}`,
      'GroupMemberAdded Domain Users',
    ].sort();
  }

  const told = async (change?: Parameters<SambaPolls['poll']>[0]) => {
    const mark = polls.mark();
    const before = polls.log.length;
    await polls.poll(change);
    return { events: lines(polls.eventsSince(mark)).sort(), log: polls.log.slice(before) };
  };

  test('a cookie that is garbled is refused, and what was missed is told once, as ordinary changes', async () => {
    const expected = await missedChanges();
    await tamper({ cookie: Buffer.from('no cookie of any domain controller') });
    const { events, log } = await told();
    expect(log).toMatchObject([{ code: 'CURSOR_REFUSED' }, { code: 'VERIFIED' }, { code: 'POLL_DONE' }]);
    expect(events).toEqual(expected);
    await expectMirrorIsDirectory();
  });

  test('a cookie that is gone brings everything, and no second snapshot', async () => {
    const expected = await missedChanges();
    await tamper({ cookie: Buffer.alloc(0) });
    expect((await told()).events).toEqual(expected);
    await expectMirrorIsDirectory();
  });

  test('a cookie older than the tombstone lifetime', async () => {
    const expected = await missedChanges();
    // Samba's forests keep tombstones for 180 days.
    await tamper({ polledAt: new Date(Date.now() - 179.5 * 24 * 3600_000).toISOString() });
    const { events, log } = await told();
    expect(log[0]).toMatchObject({ code: 'FULL_SYNC', fields: { reason: 'cookie-too-old' } });
    expect(events).toEqual(expected);
  });

  test('a cursor that is gone with the lease: the mirror is not, so there is no second snapshot and nothing is told again', async () => {
    const expected = await missedChanges();
    const mirror: Mirror = {
      ...polls.mirror,
      acquireLease: async (...parameters) => {
        const lease = await polls.mirror.acquireLease(...parameters);
        return lease && { ...lease, cursor: undefined };
      },
    };
    const { events } = await told({ mirror });
    expect(events).toEqual(expected);
    await expectMirrorIsDirectory();
    expect(await sync()).toEqual([]);
  });

  test("the table's cursor item, deleted: the lease's fencing token goes on from what the rows carry", async () => {
    const endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
    const client = new DynamoDBClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator });
    try {
      await endpoint.call('operator', 'dynamodb', 'CreateTable', directoryTable('directory'));
      const mirror = dynamoDbMirror(client, 'directory');
      await polls.poll({ mirror });
      const name = `Lost ${round}`;
      await createUser(admin, people, name);
      await polls.poll({ mirror });
      await client.send(
        new DeleteItemCommand({ TableName: 'directory', Key: { pk: { S: `${polls.domain}#cursor` }, sk: { S: 'cursor' } } }),
      );
      await replace(user(name), 'department', 'Found');
      expect(await polls.poll({ mirror })).toMatchObject({ outcome: 'done' });
      const rows = await mirror.scan(polls.domain, undefined);
      expect(rows.rows.filter(isObjectRow).find((row) => row.attributes.name?.[0] === name)?.attributes.department).toEqual(['Found']);
    } finally {
      client.destroy();
      await endpoint.close();
    }
  });

  test('another attribute list: values that were there before are learned, not told; later changes of them are told', async () => {
    const name = `Learned ${round}`;
    await createUser(admin, people, name, { title: 'Engineer', department: 'Known' });
    const expected = await missedChanges();
    polls.settings = { attributes: [...extra, 'title'] };
    const { events, log } = await told();
    expect(log[0]).toMatchObject({ code: 'FULL_SYNC', fields: { reason: 'query-changed' } });
    expect(events).toEqual(expected);
    expect(polls.row(name).attributes).toMatchObject({ title: ['Engineer'], department: ['Known'] });
    expect(await polls.eventsOf(() => replace(user(name), 'title', 'Chief'))).toMatchObject([
      { type: 'UserUpdated', change: { title: { before: 'Engineer', after: 'Chief' } } },
    ]);
    polls.settings = { attributes: extra };
    expect(await sync()).toEqual([]);
  });

  test('half an answer, without an error: nothing is deleted, and what did not come is looked up', async () => {
    const expected = await missedChanges();
    await tamper({ cookie: Buffer.from('no cookie again') });
    polls.between = (source) =>
      answering(source, {
        changesSince: async (cookie) => {
          const page = await source.changesSince(cookie);
          return { ...page, objects: page.objects.filter(({ dn }, index) => index % 2 === 0 || dn.includes(`Born ${round}`)) };
        },
      });
    const { events } = await told();
    polls.between = (source) => source;
    expect(events).toEqual(expected);
    await expectMirrorIsDirectory();
  });
});
