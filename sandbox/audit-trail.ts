/** What happened, from the audit log group alone: records and the chains of causes between them. */
import type { AuditRecord } from '../handlers/audit/audit-record.ts';
import type { Sandbox } from './sandbox.ts';

export interface TrailRecord extends AuditRecord {
  /** When CloudWatch Logs took the record, epoch ms. */
  readonly ingestedAt: number;
}

/** All audit records so far, oldest first. */
export async function auditTrail({ endpoint, stack }: Pick<Sandbox, 'endpoint' | 'stack'>): Promise<readonly TrailRecord[]> {
  const logGroupName = [...stack.functions.values()].find(({ environment }) => environment.AUDIT_LOG_GROUP)?.environment.AUDIT_LOG_GROUP;
  const records: TrailRecord[] = [];
  let nextToken: string | undefined;
  do {
    const page = await endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName, ...(nextToken ? { nextToken } : {}) });
    for (const { message, ingestionTime } of page.events as { message: string; ingestionTime: number }[]) {
      records.push({ ...(JSON.parse(message) as AuditRecord), ingestedAt: ingestionTime });
    }
    nextToken = page.nextToken as string | undefined;
  } while (nextToken);
  return records.sort((a, b) => a.ingestedAt - b.ingestedAt);
}

/** The records that a record led to, itself first. */
export function consequences(trail: readonly TrailRecord[], root: TrailRecord): readonly TrailRecord[] {
  const found = [root];
  for (const one of found) found.push(...trail.filter((record) => record.cause?.id === one.eventId && !found.includes(record)));
  return found;
}
