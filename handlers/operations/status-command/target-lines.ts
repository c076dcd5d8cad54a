/** Whether a target holds what was decided: what its guard holds back, what failed, and what the last run of reconcile found. */
import type { Outcome } from '../../roles/reconcile/drift-report.ts';
import { ago, attention, count, type Line, linesOf, ok, pages, secondsSince, until } from './line.ts';
import { recentMinutes, type TargetReading } from './readings.ts';

/** Reconcile looks every five minutes whether a run is due, and a large target takes its time. */
const runSlackSeconds = 2 * 3600;

export const targetLines = (target: TargetReading, now: Date): readonly Line[] => [
  ...guardLines(target, now),
  ...failureLines(target),
  ...driftLines(target, now),
];

function guardLines({ name, guard }: TargetReading, now: Date): readonly Line[] {
  const of = `guard of ${name}`;
  return linesOf(of, guard, (held) => {
    if (held === undefined) return [ok(of, 'holds nothing back')];
    const { id, expiresAt, decision } = held.tripped;
    if (decision !== undefined) return [ok(of, `${id} was ${decision.outcome}, which is being carried out`)];
    const what = `${id} holds back ${count(held.staged, 'removal')}`;
    if (secondsSince(expiresAt, now) >= 0)
      return [attention(of, `${what}, and expired undecided ${ago(expiresAt, now)}`, pages.guardTripped)];
    return [attention(of, `${what}, expires ${until(expiresAt, now)}`, pages.guardTripped)];
  });
}

function failureLines({ name, failures }: TargetReading): readonly Line[] {
  const of = `changes at ${name}`;
  return linesOf(of, failures, (failed) => [
    failed > 0
      ? attention(of, `${count(failed, 'failure')} in the last ${recentMinutes} min`, pages.targetDown)
      : ok(of, `none failed in the last ${recentMinutes} min`),
  ]);
}

function driftLines({ name, drift, deployedAt, everyMinutes }: TargetReading, now: Date): readonly Line[] {
  const of = `drift at ${name}`;
  return linesOf(of, drift, ({ completed, findings }) => {
    const late = secondsSince(completed ?? deployedAt, now) > 2 * 60 * everyMinutes + runSlackSeconds;
    if (completed === undefined) {
      const fact = 'was not compared with the decisions yet';
      return [late ? attention(of, fact, pages.targetDown) : ok(of, fact)];
    }
    const compared = `compared ${ago(completed, now)}`;
    const with_ = (outcome: Outcome) => findings.filter((finding) => finding.outcome === outcome).length;
    const lines: Line[] = [];
    if (late) lines.push(attention(of, compared, pages.targetDown));
    if (with_('needs-person') > 0)
      lines.push(attention(of, `${compared}: ${count(with_('needs-person'), 'difference')} for a person to mend`, pages.drift));
    if (with_('held-back') > 0)
      lines.push(attention(of, `${compared}: ${count(with_('held-back'), 'difference')} held back by the guard`, pages.guardTripped));
    if (lines.length > 0) return lines;
    return [ok(of, `${compared}: ${count(findings.length, 'difference')}${with_('healing') > 0 ? ', healed' : ''}`)];
  });
}
