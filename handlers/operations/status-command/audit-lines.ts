/** Whether the audit trail is closed hour by hour. Whether it is what was written, `npm run audit -- verify` says. */
import { endOfHour } from '../../audit/segment.ts';
import { attention, broken, count, type Line, linesOf, ok, pages, secondsSince, span } from './line.ts';
import type { AuditReading, Reading } from './readings.ts';

const of = 'audit trail';

/** An hour is closed 10 to 25 minutes after its end, so that of the newest closed one is at most 85 minutes ago. */
const lateSeconds = 2 * 3600;
/** More than close-audit makes up for in one run. */
const brokenSeconds = 48 * 3600;

export const auditLines = (audit: Reading<AuditReading>, now: Date): readonly Line[] =>
  linesOf(of, audit, ({ newest, unreadable, missing, firstHour }) => {
    const lines = [
      ...unreadable.map((key) => broken(of, `${key} is no digest`, pages.auditTrailBroken)),
      ...(missing.length > 0
        ? [broken(of, `${count(missing.length, 'file')} missing when the hour was closed, first ${missing[0]}`, pages.auditTrailBroken)]
        : []),
    ];
    if (lines.length > 0) return lines;
    if (newest === undefined) return [firstHour === undefined ? ok(of, 'holds no record yet') : unclosed(firstHour, now)];
    const age = secondsSince(endOfHour(newest).toISOString(), now);
    // Whoever put it there keeps close-audit from closing anything until then.
    if (age < 0) return [broken(of, `hour ${newest} is closed, and is not over`, pages.auditTrailBroken)];
    const fact = `closed up to hour ${newest}, which ended ${span(age)} ago`;
    if (age > brokenSeconds) return [broken(of, fact, pages.auditTrailBroken)];
    return [age > lateSeconds ? attention(of, fact, pages.auditTrailBroken) : ok(of, fact)];
  });

function unclosed(firstHour: string, now: Date): Line {
  const fact = `no hour is closed yet, records are there since ${firstHour}`;
  const late = secondsSince(endOfHour(firstHour).toISOString(), now) > lateSeconds;
  return late ? attention(of, fact, pages.auditTrailBroken) : ok(of, fact);
}
