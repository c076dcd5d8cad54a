/** Records from the audit log group, seconds after the change. */
import { type CloudWatchLogsClient, DescribeLogGroupsCommand, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { eachOnce, inLine, type TrailQuery, type TrailRecords } from './trail-records.ts';

/** Characters of a filter pattern (CloudWatch Logs API Reference, FilterLogEvents). */
const mostPattern = 1024;
/** More queries than that over the whole log cost more than to read all of it once. */
const mostPatterns = 8;

const dayMs = 86_400_000;

/** Needs logs:FilterLogEvents on the group, and logs:DescribeLogGroups. */
export function logRecords(client: CloudWatchLogsClient, logGroupName: string, now: () => Date): TrailRecords {
  // Pages may be empty; the last one is the one without a token (CloudWatch Logs API Reference, FilterLogEvents).
  async function* lines({ since, mentions }: TrailQuery): AsyncGenerator<string> {
    for (const filterPattern of mentions === undefined ? [undefined] : patterns(mentions)) {
      const input = {
        logGroupName,
        ...(since === undefined ? {} : { startTime: since.getTime() }),
        ...(filterPattern === undefined ? {} : { filterPattern }),
      };
      for await (const { events = [] } of paginateFilterLogEvents({ client }, input))
        for (const { message } of events) if (message !== undefined) yield message;
    }
  }
  return {
    read: (query) => eachOnce(lines(query), query),
    async coverage() {
      const { logGroups = [] } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
      const group = logGroups.find((one) => one.logGroupName === logGroupName);
      if (group?.creationTime === undefined) return {};
      const kept = group.retentionInDays === undefined ? group.creationTime : now().getTime() - group.retentionInDays * dayMs;
      const isCut = kept > group.creationTime;
      return {
        from: new Date(Math.max(kept, group.creationTime)).toISOString(),
        to: now().toISOString(),
        ...(isCut
          ? {
              incomplete: `the log keeps ${group.retentionInDays} days; a grant given before that shows only where its user was decided on since`,
            }
          : {}),
      };
    },
    close: () => client.destroy(),
  };
}

/**
 * Patterns that find lines with one of the texts: `?"one" ?"other"` (Amazon CloudWatch Logs User Guide, "Filter pattern syntax", terms in
 * unstructured log events). One alone has no question mark.
 *
 * @returns undefined, for all lines, where there are too many
 */
export function patterns(texts: readonly string[]): readonly (string | undefined)[] {
  const all: string[] = [];
  let terms: string[] = [];
  let length = 0;
  const flush = () => {
    if (terms.length > 0) all.push(terms.length === 1 ? (terms[0] as string) : terms.map((term) => `?${term}`).join(' '));
    terms = [];
    length = 0;
  };
  for (const text of texts) {
    const term = JSON.stringify(inLine(text));
    if (term.length > mostPattern) return [undefined];
    if (length + term.length + 2 > mostPattern) flush();
    terms.push(term);
    length += term.length + 2;
  }
  flush();
  return all.length > mostPatterns ? [undefined] : all;
}
