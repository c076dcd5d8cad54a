/** `npm run decide` against an environment: the function's own configuration says where its records are. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { toItem } from '../../handlers/platform/dynamodb.ts';
import { directoryTable } from '../directory/directory-table.ts';
import { domain, fileTimeOf } from '../directory/rows.ts';
import { clientOf, endpointForTests, region, roleAllowed } from '../sandbox/aws/endpoint-fixture.ts';
import { ada, configuration, current, policies, rows } from './explained-people.ts';

const endpoint = await endpointForTests();
const main = fileURLToPath(new URL('../../handlers/access/decide-command/main.ts', import.meta.url));
const bucket = 'configuration-111122223333';

async function deployed(): Promise<void> {
  const dynamodb = new DynamoDBClient(clientOf(endpoint));
  const [directory, grants] = ['ad-lambda-dev-directory', 'ad-lambda-dev-grants'];
  const [pk, sk] = directoryTable(grants).KeySchema;
  await dynamodb.send(new CreateTableCommand(directoryTable(directory) as ConstructorParameters<typeof CreateTableCommand>[0]));
  await dynamodb.send(
    new CreateTableCommand({
      TableName: grants,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [pk, sk] as ConstructorParameters<typeof CreateTableCommand>[0]['KeySchema'],
    }),
  );
  // The command goes by the clock: a password of the fixtures' time is too old by now.
  const pwdLastSet = [fileTimeOf(new Date().toISOString())];
  const fresh = rows.map((row) => (row === ada ? { ...ada, attributes: { ...ada.attributes, pwdLastSet } } : row));
  for (const row of fresh) await dynamodb.send(new PutItemCommand({ TableName: directory, Item: toItem(row) }));
  await dynamodb.send(new PutItemCommand({ TableName: grants, Item: toItem({ ...(await current()), sk: 'grants' }) }));
  await endpoint.call('operator', 's3', 'CreateBucket', { Bucket: bucket });
  const s3 = new S3Client(clientOf(endpoint));
  const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  await put('access.json', JSON.stringify(configuration));
  for (const { name, text } of policies) await put(`policies/abc-${name}`, text);
  await endpoint.call('operator', 'lambda', 'CreateFunction', {
    FunctionName: 'ad-lambda-dev-decide-access',
    Role: roleAllowed(endpoint, 'decide-access', []),
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
    Environment: {
      Variables: {
        DIRECTORY_TABLE: directory,
        GRANTS_TABLE: grants,
        ACCESS_BUCKET: bucket,
        ACCESS_KEY: 'access.json',
        DIRECTORY_DOMAINS: domain,
      },
    },
  });
}
await deployed();

const run = (...args: readonly string[]) => runAgainst(endpoint.url, ...args);

const runAgainst = async (url: string, ...args: readonly string[]) => {
  const env = {
    PATH: process.env.PATH,
    AWS_ENDPOINT_URL: url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: endpoint.operator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: endpoint.operator.secretAccessKey,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { env });
  return stdout;
};

describe('npm run decide against an environment', () => {
  it('GIVEN it runs THEN the person is explained from its tables and its configuration', async () => {
    const explained = JSON.parse(await run('--user', 'ada', '--json'));
    expect(explained.principal.guid).toBe(ada.guid);
    expect(explained.groups).toHaveLength(4);
    expect(explained.grants.map(({ role }: { role: string }) => role)).toEqual(['developers', 'everybody', 'later']);
    expect([explained.held.length, explained.isDecided]).toEqual([2, false]);
    expect(explained.denied).toMatchObject([{ role: 'admins', reason: 'forbidden' }]);
  });

  it('fails with 1 for an environment that is none, with the remedy', async () => {
    await expect(run('--user', 'ada', '--environment', 'prod')).rejects.toMatchObject({
      code: 1,
      stderr: 'no function ad-lambda-prod-decide-access here: give --environment and --prefix of a deployed environment\n',
    });
  });

  it('fails with 1 where nothing answers, with what to look at', async () => {
    await expect(runAgainst('http://127.0.0.1:9', '--user', 'ada')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nothing can be explained: .+: look at the credentials, region and endpoint \(AWS_PROFILE/),
    });
  });

  it('fails with 1 for nobody', async () => {
    await expect(run('--user', 'eve')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('no user "eve"') });
  });
});
