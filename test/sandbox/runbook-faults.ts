/** What goes wrong in a sandbox for a runbook, and what only time would bring. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { Attribute, Change } from 'ldapts';
import { closeAudit } from '../../handlers/audit/close-audit/close-audit.ts';
import { digestSigner } from '../../handlers/audit/digest-key.ts';
import { dynamoDbClaims } from '../../handlers/audit/dynamodb-claims.ts';
import { s3Evidence } from '../../handlers/audit/s3-evidence.ts';
import { s3Segments } from '../../handlers/audit/segments.ts';
import { newPassword, unicodePassword } from '../../sandbox/domain-controller/population.ts';
import { functionSetting } from '../../sandbox/function-setting.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { clientOf } from './aws/endpoint-fixture.ts';

/** Sets a new password by hand, as an administrator does. @returns it */
export async function setPassword({ population }: Sandbox, dn: string): Promise<string> {
  const password = newPassword();
  const modification = new Attribute({ type: 'unicodePwd', values: [unicodePassword(password)] });
  await population.admin.modify(dn, new Change({ operation: 'replace', modification }));
  return password;
}

/** Deletes every item of the tables that a function is told of by these variables. */
export async function emptyTables({ endpoint, stack }: Sandbox, settings: readonly string[]): Promise<void> {
  for (const setting of settings) {
    const TableName = functionSetting(stack, setting);
    const { Table } = await endpoint.call('operator', 'dynamodb', 'DescribeTable', { TableName });
    const keys = (Table as { KeySchema: { AttributeName: string }[] }).KeySchema.map(({ AttributeName }) => AttributeName);
    const { Items } = await endpoint.call('operator', 'dynamodb', 'Scan', { TableName });
    for (const item of Items as Record<string, unknown>[]) {
      const Key = Object.fromEntries(keys.map((name) => [name, item[name]]));
      await endpoint.call('operator', 'dynamodb', 'DeleteItem', { TableName, Key });
    }
  }
}

/** Closes the trail's hours up to now, as close-audit does in two hours. */
export async function closeHours({ endpoint, stack }: Sandbox): Promise<void> {
  const setting = (name: string) => functionSetting(stack, name);
  const client = clientOf(endpoint);
  const s3 = new S3Client(client);
  const now = () => new Date(Date.now() + 2 * 3_600_000);
  await closeAudit({
    trail: 'ad-lambda-dev',
    evidence: s3Evidence(s3, setting('AUDIT_BUCKET')),
    segments: s3Segments(s3, { bucket: setting('AUDIT_BUCKET'), keyArn: setting('AUDIT_KEY_ARN') }),
    claims: dynamoDbClaims(new DynamoDBClient(client), setting('AUDIT_TABLE'), 0, now),
    sign: digestSigner(new KMSClient(client), setting('DIGEST_KEY_ID')),
    now,
    onBroken: ({ key, reason }) => {
      throw new Error(`${key} is broken: ${reason}`);
    },
  });
}
