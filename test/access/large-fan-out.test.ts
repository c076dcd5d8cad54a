/** A group of 50,000 members, two groups deep: everybody is looked at, within one invocation's time and memory. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, test } from 'vitest';
import { lookAts } from '../../handlers/access/decision-message.ts';
import { usersBelow } from '../../handlers/access/fan-out.ts';
import type { MirrorRow, RowKey } from '../../handlers/directory/mirror.ts';
import { eachLimited, toItem } from '../../handlers/platform/dynamodb.ts';
import { directoryTable } from '../directory/directory-table.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { domain, edgeRow, groupObject, objectRow, userObject } from '../directory/rows.ts';
import { clientOf, endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { thorough } from '../thorough.ts';

const members = 50_000;
/** In DynamoDB, where it takes two minutes to write the rows of so many: then 50,000 took 5.7 s and 299 MB. */
const fewer = thorough ? 10_000 : 4_000;
const megabytes = 512;
/** Of the function's sixty, with a processor that is slower than a test's. */
const seconds = 30;
const [top, middle, bottom] = [groupObject(10, 'AWS-Everybody'), groupObject(11, 'Company'), groupObject(12, 'Staff')];

/** The rows of the three groups, and of so many users in the innermost. */
function* rows(count: number): Generator<MirrorRow> {
  for (const group of [top, middle, bottom]) yield objectRow(group);
  yield edgeRow(top, middle);
  yield edgeRow(middle, bottom);
  for (let number = 0; number < count; number += 1) {
    const user = userObject(100_000 + number, `person${number}`, { mail: [`person${number}@example.com`] });
    yield objectRow(user);
    yield edgeRow(bottom, user);
  }
}

describe('GIVEN a group of many members, two groups deep', () => {
  test(`WHEN the outermost group changes THEN each of ${members} is in one message, by a mirror in memory`, async () => {
    const mirror = memoryMirror();
    await mirror.write([...rows(members)]);
    mirror.changes.length = 0;
    let most = 0;
    const reader = {
      ...mirror,
      // Every read is a copy, as a table's answer is.
      async read(keys: readonly RowKey[]) {
        const found = structuredClone(await mirror.read(keys));
        most = Math.max(most, process.memoryUsage().heapUsed / 2 ** 20);
        return found;
      },
    };
    const started = performance.now();
    const users = await usersBelow(reader, [{ domain, guid: top.guid }]);
    const messages = lookAts(users, { id: 'cause-1', type: 'GroupRenamed' });
    const took = performance.now() - started;
    console.log(`fan-out of ${users.length} in memory: ${Math.round(took)} ms, ${Math.round(most)} MB of heap with the mirror`);
    expect(new Set(messages.flatMap(({ lookAt }) => lookAt.guids)).size).toBe(members);
    expect(messages).toHaveLength(members / 25);
    expect(took).toBeLessThan(seconds * 1000);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(megabytes);
  }, 60_000);

  describe('in a table of DynamoDB', async () => {
    const endpoint = await endpointForTests();
    const client = new DynamoDBClient(clientOf(endpoint));
    afterAll(() => client.destroy());

    test(`WHEN the outermost group changes THEN each of ${fewer} is in one message, within the memory of a function`, async () => {
      await endpoint.call('operator', 'dynamodb', 'CreateTable', directoryTable('directory'));
      const items = [...rows(fewer)].map((row) => ({ PutRequest: { Item: toItem(row) } }));
      const starts = Array.from({ length: Math.ceil(items.length / 25) }, (_, index) => index * 25);
      await eachLimited(starts, 8, async (start) => {
        await client.send(new BatchWriteItemCommand({ RequestItems: { directory: items.slice(start, start + 25) } }));
      });
      const program = fileURLToPath(new URL('./fan-out-process.ts', import.meta.url));
      const { accessKeyId, secretAccessKey } = endpoint.operator;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [`--max-old-space-size=${megabytes}`, program, endpoint.url, endpoint.region, 'directory', domain, top.guid],
        { env: { ...process.env, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, NODE_OPTIONS: '' } },
      );
      console.log(`fan-out of ${fewer} in DynamoDB: ${stdout.trim()}`);
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({ users: fewer, distinct: fewer, messages: fewer / 25 });
      expect(result.megabytes).toBeLessThan(megabytes);
      expect(result.seconds).toBeLessThan(seconds);
    }, 180_000);
  });
});
