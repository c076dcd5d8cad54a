/** The whole review for tools: everything, also what Markdown cuts off. */
import { costOf } from '../cost.ts';
import { statementName, statementText } from '../permissions/statement-text.ts';
import type { Finding, Reviewed } from '../reviewed.ts';
import { openAttributes, summaryOf } from './summary.ts';

export const reviewJson = ({ plan, policies, access }: Reviewed, findings: readonly Finding[]): object => ({
  format: 1,
  findings,
  summary: summaryOf(plan.changes),
  changes: plan.changes
    .filter(({ action }) => action !== 'none')
    .map(({ address, type, domain, action, forcedBy }) => ({ address, type, domain, action, forcedBy })),
  knownAfterApply: openAttributes(plan.changes),
  permissions: policies.map(({ change, kind, effect, statements, problem }) => ({
    address: change.address,
    kind,
    effect: effect ?? null,
    problem: problem ?? null,
    statements: statements.map((one) => ({
      name: [one.after ?? one.before].flatMap((statement) => (statement ? [statementName(statement)] : [])).join(''),
      kind: one.kind,
      effect: one.effect,
      before: one.before?.json ?? null,
      after: one.after?.json ?? null,
      gained: one.gained.map(statementText),
      lost: one.lost.map(statementText),
    })),
  })),
  access: { ...access.difference, problems: access.objects.problems, effects: access.effects ?? null },
  cost: costOf(plan.changes),
});
