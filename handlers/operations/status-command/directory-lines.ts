/** Whether a directory is followed: reached, up to date, and read from where it was left. */
import type { Cursor } from '../../directory/mirror.ts';
import { ago, attention, broken, count, type Line, linesOf, ok, pages, secondsSince, span, until } from './line.ts';
import type { AlarmsReading, DirectoryReading, Reading } from './readings.ts';

/** Where the lag alarm cannot be read: that of the longest time between two polls that is usual. */
const usualLagSeconds = 750;
/** A full sync takes minutes; one of a very large directory some hours. */
const longestSyncSeconds = 6 * 3600;
const longestVerificationSeconds = 86_400;

/** @param alarms the lag that is too much is the lag alarm's own */
export const directoryLines = (directory: DirectoryReading, alarms: Reading<AlarmsReading>, now: Date): readonly Line[] =>
  linesOf(`directory ${directory.domain}`, directory.state, ({ cursor, status }) => {
    const of = `directory ${directory.domain}`;
    const since = cursor?.unreachableSince ?? (status?.reachable === false ? status.since : undefined);
    if (since !== undefined) {
      const reason = status?.reachable === false ? status.reason : undefined;
      const fact = `unreachable for ${span(secondsSince(since, now))}${reason === undefined ? '' : `: ${reason}`}`;
      return [broken(of, fact, pages.directoryUnreachable), ...cursorLines(directory.domain, cursor, now)];
    }
    if (cursor === undefined) return [attention(of, 'was never polled to an end', pages.directoryUnreachable)];
    const lines = cursorLines(directory.domain, cursor, now);
    if (cursor.polledAt === undefined) return [attention(of, 'was never read to an end', pages.directoryUnreachable), ...lines];
    const limit = (alarms.known ? alarms.value.lagLimits.get(directory.functionName) : undefined) ?? usualLagSeconds;
    const lag = secondsSince(cursor.polledAt, now);
    const fact = `was up to date ${ago(cursor.polledAt, now)}`;
    return [lag > limit ? broken(of, fact, pages.directoryUnreachable) : ok(of, fact), ...lines];
  });

type CursorReading = NonNullable<Extract<DirectoryReading['state'], { known: true }>['value']['cursor']>;

function cursorLines(domain: string, cursor: CursorReading | undefined, now: Date): readonly Line[] {
  if (cursor === undefined) return [];
  const of = `cursor of ${domain}`;
  const lines: Line[] = [];
  if (cursor.scopeUnknown) lines.push(attention(of, 'the scope names a group or unit that is not there (SCOPE_UNKNOWN)', pages.deletedOu));
  if (cursor.heldBack !== undefined) lines.push(heldBackLine(domain, cursor.heldBack, now));
  if (cursor.snapshot !== undefined) lines.push(ok(of, 'the first snapshot is read'));
  if (cursor.fullSync !== undefined) {
    const fact = `a full sync began ${ago(cursor.fullSync.run, now)}`;
    const late = secondsSince(cursor.fullSync.run, now) > longestSyncSeconds;
    lines.push(late ? attention(of, fact, pages.cursorReset) : ok(of, fact));
  }
  if (cursor.verification !== undefined) {
    const fact = `a verification began ${ago(cursor.verification.startedAt, now)}`;
    const late = secondsSince(cursor.verification.startedAt, now) > longestVerificationSeconds;
    lines.push(late ? attention(of, fact, pages.cursorReset) : ok(of, fact));
  }
  if (lines.length > 0) return lines;
  return [ok(of, cursor.verifiedAt === undefined ? 'reads on from where it was' : `reads on; verified ${ago(cursor.verifiedAt, now)}`)];
}

function heldBackLine(domain: string, { approval, gone, expiresAt }: NonNullable<Cursor['heldBack']>, now: Date): Line {
  const what = `${count(gone.objects, 'object')} and ${count(gone.memberships, 'membership')} that are gone`;
  const of = `guard of ${domain}`;
  if (secondsSince(expiresAt, now) >= 0) return ok(of, `${approval} expired ${ago(expiresAt, now)}: the next poll lets it go`);
  return attention(of, `${approval} holds back ${what}, expires ${until(expiresAt, now)}`, pages.guardTripped);
}
