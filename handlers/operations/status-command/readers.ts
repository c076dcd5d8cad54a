/** Reads the whole state of a deployment, in AWS or in a running sandbox. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { s3Evidence } from '../../audit/s3-evidence.ts';
import { dynamoDbRotationLedger } from '../../credentials/dynamodb-rotation-ledger.ts';
import { dynamoDbMirror } from '../../directory/dynamodb-mirror.ts';
import { type Cursor, cursorKey, isStatusRow, statusKey } from '../../directory/mirror.ts';
import { fromItem, toItem } from '../../platform/dynamodb.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { readAudit } from './audit-reader.ts';
import { type DeployedFunction, findDeployment, missingFunctions } from './deployment.ts';
import { readFunctions } from './function-reader.ts';
import { readAlarms } from './metric-reader.ts';
import { readQueues } from './queue-reader.ts';
import { type CredentialsReading, type DirectoryReading, type Readings, reading } from './readings.ts';
import { readTarget } from './target-reader.ts';

/** @throws CommandError when there is no such deployment */
export async function readStatus(prefix: string, environment: string, now: Date): Promise<Readings> {
  const clients = {
    lambda: new LambdaClient({}),
    dynamodb: new DynamoDBClient({}),
    s3: new S3Client({}),
    sqs: new SQSClient({}),
    cloudwatch: new CloudWatchClient({}),
  };
  const { lambda, dynamodb, s3, cloudwatch } = clients;
  try {
    const { functions: deployed, isOurs } = await findDeployment(lambda, prefix, environment);
    const of = (kind: DeployedFunction['kind']) => deployed.filter((one) => one.kind === kind);
    const own = `${prefix}-${environment}-`;
    const [functions, directories, targets, queues, credentials, alarms, audit] = await Promise.all([
      reading(async () => ({
        all: await readFunctions(clients, deployed, now),
        missing: missingFunctions(deployed, prefix, environment),
      })),
      Promise.all(of('detect-changes').map((one) => readDirectory(dynamodb, one))),
      Promise.all(of('reconcile').map((one) => readTarget(clients, one, `${prefix}/${environment}`, now))),
      reading(() => readQueues(clients, own, isOurs, now)),
      Promise.all(of('rotate-credential').map((one) => readCredentials(dynamodb, one))),
      reading(() => readAlarms(cloudwatch, own, isOurs)),
      reading(async () => {
        const { AUDIT_BUCKET } = readEnvironment(['AUDIT_BUCKET'], of('close-audit')[0]?.environment ?? {});
        return await readAudit(s3Evidence(s3, AUDIT_BUCKET), now);
      }),
    ]);
    return { functions, directories, targets, queues, credentials, alarms, audit };
  } finally {
    for (const client of Object.values(clients)) client.destroy();
  }
}

async function readDirectory(dynamodb: DynamoDBClient, { name, environment }: DeployedFunction): Promise<DirectoryReading> {
  const { DIRECTORY_TABLE: table, DIRECTORY_DOMAIN: domain } = readEnvironment(['DIRECTORY_TABLE', 'DIRECTORY_DOMAIN'], environment);
  const state = await reading(async () => {
    const [{ Item }, rows] = await Promise.all([
      dynamodb.send(new GetItemCommand({ TableName: table, Key: toItem(cursorKey(domain)), ConsistentRead: true })),
      dynamoDbMirror(dynamodb, table).read([statusKey(domain)]),
    ]);
    return { cursor: Item && (fromItem(Item).position as Cursor | undefined), status: rows.find(isStatusRow) };
  });
  return { domain, functionName: name, state };
}

const readCredentials = async (dynamodb: DynamoDBClient, { name, environment }: DeployedFunction): Promise<CredentialsReading> => ({
  functionName: name,
  credentials: await reading(async () => {
    const { CREDENTIALS_TABLE } = readEnvironment(['CREDENTIALS_TABLE'], environment);
    const ledger = dynamoDbRotationLedger(dynamodb, CREDENTIALS_TABLE);
    const settings = await ledger.settings();
    return await Promise.all(settings.map(async (one) => ({ settings: one, entry: await ledger.read(one.name) })));
  }),
});
