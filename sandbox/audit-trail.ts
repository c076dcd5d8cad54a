/** What happened, from the audit log group alone. */
import { type AuditEntry, auditEntry, type ChainedRecord } from '../handlers/audit/audit-record.ts';
import { functionSetting } from './function-setting.ts';
import type { Sandbox } from './sandbox.ts';

export interface TrailRecord extends AuditEntry {
  /** When CloudWatch Logs took the record, epoch ms. */
  readonly ingestedAt: number;
}

/** All audit records so far, oldest first. */
export async function auditTrail({ endpoint, stack }: Pick<Sandbox, 'endpoint' | 'stack'>): Promise<readonly TrailRecord[]> {
  const logGroupName = functionSetting(stack, 'AUDIT_LOG_GROUP');
  const records: TrailRecord[] = [];
  let nextToken: string | undefined;
  do {
    const page = await endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName, ...(nextToken ? { nextToken } : {}) });
    for (const { message, ingestionTime } of page.events as { message: string; ingestionTime: number }[]) {
      records.push({ ...auditEntry(JSON.parse(message) as ChainedRecord), ingestedAt: ingestionTime });
    }
    nextToken = page.nextToken as string | undefined;
  } while (nextToken);
  return records.sort((a, b) => a.ingestedAt - b.ingestedAt);
}
