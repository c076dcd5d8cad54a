/** Alarms that ring, each with the page that its name leads to. */
import { ago, attention, broken, type Line, linesOf, ok, type Page, pages } from './line.ts';
import type { AlarmsReading, Reading } from './readings.ts';

/** By the end of an alarm's name. */
const pageOfAlarm: readonly (readonly [RegExp, Page])[] = [
  [/-(?:lag|unreachable)$/, pages.directoryUnreachable],
  [/-(?:guard-tripped|guard-tripped-again|guard-decision-refused)$/, pages.guardTripped],
  [/-not-empty$/, pages.deadLetterQueue],
  [/-(?:rotation-failed|overdue)$/, pages.rotationFailed],
  [/-(?:changes-failed|reconcile-incomplete)$/, pages.targetDown],
  [/-drift-needs-person$/, pages.drift],
  [/-audit-trail-broken$/, pages.auditTrailBroken],
];

export const pageFor = (alarm: string): Page => pageOfAlarm.find(([name]) => name.test(alarm))?.[1] ?? pages.index;

export const alarmLines = (alarms: Reading<AlarmsReading>, now: Date): readonly Line[] =>
  linesOf('alarms', alarms, ({ count: all, ringing }) => {
    if (all === 0) return [broken('alarms', 'there is none: deploy the environment again', pages.index)];
    if (ringing.length === 0) return [ok('alarms', `none of ${all} rings`)];
    return ringing.map(({ name, since }) =>
      attention(`alarm ${name}`, since === undefined ? 'rings' : `began to ring ${ago(since, now)}`, pageFor(name)),
    );
  });
