/** What recording takes: batches of messages through record-audit's own code, against the sandbox's endpoint. */
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { auditLog } from '../../handlers/audit/audit-log.ts';
import { AuditWriter } from '../../handlers/audit/audit-writer.ts';
import { linesOf, readLine } from '../../handlers/audit/chain.ts';
import { dynamoDbClaims } from '../../handlers/audit/dynamodb-claims.ts';
import { recordAudit } from '../../handlers/audit/record-audit/record-audit.ts';
import { s3Evidence } from '../../handlers/audit/s3-evidence.ts';
import { s3Segments } from '../../handlers/audit/segments.ts';
import { startEndpoint } from '../../sandbox/aws/endpoint.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { deletions, delivered, revisions } from '../audit/audited.ts';
import type { Figure } from './figure.ts';

const [events, perBatch, writers, leastPerSecond] = [20_000, 100, 5, 1000];
const [bucket, table, group] = ['trail', 'audit', '/audit'];

export async function recording({ note }: Progress): Promise<readonly Figure[]> {
  const endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  const configuration = { endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator };
  const clients = {
    s3: new S3Client(configuration),
    dynamodb: new DynamoDBClient(configuration),
    logs: new CloudWatchLogsClient(configuration),
  };
  try {
    const { KeyMetadata } = (await endpoint.call('operator', 'kms', 'CreateKey', {})) as { KeyMetadata: { Arn: string } };
    await endpoint.call('operator', 's3', 'CreateBucket', { Bucket: bucket, ObjectLockEnabledForBucket: true });
    await endpoint.call('operator', 'logs', 'CreateLogGroup', { logGroupName: group });
    await endpoint.call('operator', 'dynamodb', 'CreateTable', {
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, KeyType: AttributeName === 'pk' ? 'HASH' : 'RANGE' })),
    });
    const now = () => new Date();
    const all = Array.from(
      { length: writers },
      (_, index) =>
        new AuditWriter({
          claims: dynamoDbClaims(clients.dynamodb, table, 400, now),
          segments: s3Segments(clients.s3, { bucket, keyArn: KeyMetadata.Arn }),
          log: auditLog(clients.logs, group, `writer/${index}`),
          revisions,
          now,
        }),
    );
    const bodies = deletions(events).map(delivered);
    note(`audit: recording ${events} events`);
    const batches = Array.from({ length: events / perBatch }, (_, index) =>
      bodies.slice(index * perBatch, (index + 1) * perBatch),
    ).values();
    let failed = 0;
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    await Promise.all(
      all.map(async (writer) => {
        for (const batch of batches) failed += (await recordAudit(writer, batch)).filter((outcome) => outcome !== undefined).length;
      }),
    );
    const perSecond = Math.round(events / ((performance.now() - began) / 1000));
    const { user, system } = process.cpuUsage(cpu);
    const cpuSeconds = ((user + system) / 1_000_000).toFixed(1);
    const evidence = s3Evidence(clients.s3, bucket);
    const recorded: string[] = [];
    for await (const key of evidence.list('records/')) {
      for (const line of linesOf((await evidence.read(key)) ?? Buffer.alloc(0))) recorded.push(readLine(line)?.eventId ?? '');
    }
    const distinct = new Set(recorded).size;
    return [
      {
        what: `record-audit: ${events} events, ${writers} writers`,
        measured: `${perSecond} events/s`,
        detail: `batches of ${perBatch}; functions and endpoint share one core, ${cpuSeconds} s of it`,
        bound: `≥ ${leastPerSecond}`,
        holds: perSecond >= leastPerSecond,
      },
      {
        what: 'record-audit: records of these',
        measured: `${distinct} different of ${recorded.length}`,
        detail: `${failed} messages would come again`,
        bound: `${events} of ${events}`,
        holds: distinct === events && recorded.length === events && failed === 0,
      },
    ];
  } finally {
    for (const client of Object.values(clients)) client.destroy();
    await endpoint.close();
  }
}
