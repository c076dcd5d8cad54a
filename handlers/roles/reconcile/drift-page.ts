/** A drift report for people. */
import { type ReportPage, reportPage } from '../../platform/report-page.ts';
import type { DriftReport, Outcome } from './drift-report.ts';

const outcomes: Readonly<Record<Outcome, { readonly says: string; readonly tone?: 'bad' | 'waits' }>> = {
  healing: { says: 'is healed' },
  reported: { says: 'reported only' },
  'held-back': { says: 'waits for an approval', tone: 'waits' },
  'needs-person': { says: 'a person has to decide', tone: 'bad' },
};

export function driftPage(report: DriftReport): string {
  const { target, run, mode, completedAt, compared, findings, guard } = report;
  const { principals, accounts, roles, memberships, assignments } = compared;
  const facts: [string, string][] = [
    ['Target', target],
    ['Run', `${run} to ${completedAt}, ${mode === 'heal' ? 'heals what it finds' : 'only reports'}`],
    [
      'Compared',
      `${principals} principals with ${accounts} accounts, ${roles} roles, ${memberships} memberships and ${assignments} account assignments`,
    ],
    ['Differences', String(findings.length)],
    ...(guard === undefined
      ? []
      : [['Guard', `${guard} holds back what would be taken away: npm run guard -- show ${guard}`] as [string, string]]),
  ];
  const page: ReportPage = {
    title: `Drift at ${target}`,
    facts,
    nothing: 'The target holds exactly what the decisions say.',
    columns: ['Difference', 'Principal', 'Role', 'Account', 'What', 'Outcome', 'objectGUID'],
    rows: findings.map(({ kind, principal, role, account, detail, outcome }) => ({
      cells: [
        kind,
        principal === undefined ? '' : `${principal.name} (${principal.dn})`,
        role ?? '',
        account === undefined ? '' : `${account.userName} (${account.id})`,
        detail,
        outcomes[outcome].says,
        principal?.guid ?? '',
      ],
      tone: outcomes[outcome].tone,
    })),
    menus: [0, 5],
  };
  return reportPage(page);
}
