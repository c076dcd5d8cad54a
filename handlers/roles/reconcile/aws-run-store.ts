/** The run store on AWS: the state in the roles table under `<target>#reconcile`, everything else in S3 under `reconcile/<target>/`. */
import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { fromItem, putNextVersion, toItem } from '../../platform/dynamodb.ts';
import { RetryableError } from '../../platform/errors.ts';
import { readText } from '../../platform/s3-object.ts';
import { driftPage } from './drift-page.ts';
import type { Progress } from './listing.ts';
import type { Run, RunState, RunStore } from './run-store.ts';

export interface RunPlaces {
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
  readonly s3: S3Client;
  readonly bucket: string;
}

export function awsRunStore({ dynamodb, table, s3, bucket }: RunPlaces, target: string): RunStore {
  const pk = `${target}#reconcile`;
  const folder = `reconcile/${target}`;
  const progressKey = `${folder}/progress.json`;
  const put = async (Key: string, Body: string, ContentType: string) => {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType }));
  };
  return {
    async read() {
      const { Item } = await dynamodb.send(new GetItemCommand({ TableName: table, Key: toItem({ pk }), ConsistentRead: true }));
      return Item === undefined ? undefined : (fromItem(Item) as unknown as RunState);
    },

    async write(next) {
      if (!(await putNextVersion(dynamodb, table, { ...next, pk })))
        throw new RetryableError(`another invocation runs reconcile of ${target}: the next one looks again`);
    },

    async loadProgress(run) {
      const saved = JSON.parse((await readText(s3, bucket, progressKey)) ?? 'null') as { run: Run; progress: Progress } | null;
      return saved?.run.id === run.id ? saved.progress : undefined;
    },

    saveProgress: (run, progress) => put(progressKey, JSON.stringify({ run, progress }), 'application/json'),

    async saveReport(report) {
      const name = `${folder}/${report.run.slice(0, 10)}/${report.run.replaceAll(':', '-')}`;
      const [json, page] = [`${JSON.stringify(report, null, 1)}\n`, driftPage(report)];
      for (const place of [name, `${folder}/latest`]) {
        await put(`${place}.json`, json, 'application/json');
        await put(`${place}.html`, page, 'text/html; charset=utf-8');
      }
      // What was listed is personal data nobody needs any longer.
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: progressKey }));
      return [`${name}.html`, `${name}.json`].map((key) => `s3://${bucket}/${key}`);
    },
  };
}
