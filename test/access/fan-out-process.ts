/**
 * The fan-out of one group as decide-access does it, in a process of its own, so that its memory is its own:
 * `node fan-out-process.ts ENDPOINT REGION TABLE DOMAIN GUID`, credentials in the environment. Prints what it took as JSON.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { lookAts } from '../../handlers/access/decision-message.ts';
import { usersBelow } from '../../handlers/access/fan-out.ts';
import { dynamoDbMirror } from '../../handlers/directory/dynamodb-mirror.ts';
import { watchedDomains } from '../../handlers/directory/principals.ts';

const [endpoint = '', region = '', table = '', domain = '', guid = ''] = process.argv.slice(2);
const client = new DynamoDBClient({ endpoint, region });
const mirror = watchedDomains(dynamoDbMirror(client, table), [domain]);
const started = performance.now();
const users = await usersBelow(mirror, [{ domain, guid }]);
const messages = lookAts(users, { id: 'cause-1', type: 'GroupRenamed' }).map((message) => JSON.stringify(message));
client.destroy();
console.log(
  JSON.stringify({
    users: users.length,
    distinct: new Set(users.map((user) => user.guid)).size,
    messages: messages.length,
    longest: Math.max(...messages.map((message) => message.length)),
    seconds: Math.round(performance.now() - started) / 1000,
    // In kilobytes (Node.js documentation, process.resourceUsage).
    megabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
