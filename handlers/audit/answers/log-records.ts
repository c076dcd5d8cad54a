/** Records from the audit log group, seconds after the change. */
import { type CloudWatchLogsClient, DescribeLogGroupsCommand, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { eachOnce, type TrailQuery, type TrailRecords } from './trail-records.ts';

/** Characters of a filter pattern (CloudWatch Logs API Reference, FilterLogEvents). */
const mostPattern = 1024;
/** More queries than that over the whole log cost more than to read all of it once. */
const mostPatterns = 8;

const dayMs = 86_400_000;

/** Needs logs:FilterLogEvents on the group, and logs:DescribeLogGroups. */
export function logRecords(client: CloudWatchLogsClient, logGroupName: string, now: () => Date): TrailRecords {
  // Pages may be empty; the last one is the one without a token (CloudWatch Logs API Reference, FilterLogEvents).
  async function* lines({ since, mentions, begins }: TrailQuery): AsyncGenerator<string> {
    for (const filterPattern of patterns(mentions ?? (begins === undefined ? undefined : [begins]))) {
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
 * Patterns that find lines with one of the texts, and others besides: `?"one" ?"other"`, or one alone without a question mark (Amazon
 * CloudWatch Logs User Guide, "Filter pattern syntax", terms in unstructured log events). How a quote would be written in one is not
 * documented: a text with more than ASCII letters, digits and common signs narrows nothing.
 *
 * @returns undefined, for all lines, where that is less work
 */
export function patterns(texts: readonly string[] | undefined): readonly (string | undefined)[] {
  if (texts === undefined || !texts.every((text) => plainText.test(text))) return [undefined];
  const groups: string[][] = [];
  let left = 0;
  for (const term of texts.map((text) => `"${text}"`)) {
    if (term.length > mostPattern) return [undefined];
    left -= term.length + 2;
    if (left < 0) {
      groups.push([]);
      left = mostPattern - term.length - 2;
    }
    groups.at(-1)?.push(term);
  }
  if (groups.length > mostPatterns) return [undefined];
  return groups.map((terms) => (terms.length === 1 ? terms[0] : terms.map((term) => `?${term}`).join(' ')));
}

const plainText = /^[\w .:@/+=#,()'&-]+$/;
