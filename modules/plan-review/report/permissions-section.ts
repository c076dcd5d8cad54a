/** Permissions, statement by statement. */
import type { PolicyChange } from '../permissions/planned-policies.ts';
import type { StatementChange } from '../permissions/policy-comparison.ts';
import { statementName, statementText } from '../permissions/statement-text.ts';
import { code, firstOf, plain } from './markdown-text.ts';

const most = 50;

const kinds = {
  identity: 'what its owner may do',
  trust: 'who may take the role',
  resource: 'who may use it',
  network: 'what it lets pass',
} as const;

/** Policies that change, those that widen first; those that are new or gone with what they hold. */
export function permissionsSection(policies: readonly PolicyChange[]): readonly string[] {
  if (policies.length === 0) return [];
  const isNew = ({ change }: PolicyChange) => change.action === 'create';
  const [added, changed] = [policies.filter(isNew), policies.filter((policy) => !isNew(policy))];
  const open = policies.some(({ hasOpenReferences }) => hasOpenReferences);
  return [
    '## Permissions',
    ...(changed.length === 0 ? [] : firstOf([...changed].sort(widestFirst), most, policyText)),
    ...(added.length === 0
      ? []
      : [
          [
            `<details><summary>${added.length} new ${added.length === 1 ? 'policy' : 'policies'}</summary>`,
            ...firstOf(added, mostAdded, policyText),
            '</details>',
          ].join('\n\n'),
        ]),
    ...(open
      ? ['`‹…›` stands for a value of that resource that is known after apply only. A statement that names one counts as new.']
      : []),
  ];
}

/** A first plan has some hundred: a pull request's comment ends at 65,536 characters. */
const mostAdded = 100;

const rank = ({ effect }: PolicyChange): number => (effect === undefined || effect.startsWith('widens') ? 0 : effect === 'narrows' ? 1 : 2);
const widestFirst = (one: PolicyChange, other: PolicyChange): number => rank(one) - rank(other);

function policyText({ change, kind, effect, statements, problem }: PolicyChange): string {
  const what = change.action === 'delete' ? 'gone' : change.action === 'create' ? 'new' : (effect ?? 'unknown');
  const title = `**${code(change.address)}** (${kinds[kind]}): ${what}`;
  if (problem !== undefined) return `${title}\n\n- ${plain(problem)}`;
  const shown = statements.filter(({ kind: one }) => one !== 'unchanged');
  const kept = statements.length - shown.length;
  const lines = shown.flatMap((statement) => statementLines(statement, change.action === 'create'));
  return `${title}\n\n${[...lines, ...(kept === 0 ? [] : [`- ${kept} unchanged`])].join('\n')}`;
}

function statementLines({ kind, effect, before, after, gained, lost }: StatementChange, isNewPolicy: boolean): readonly string[] {
  const statement = after ?? before;
  if (statement === undefined) return [];
  if (isNewPolicy) return [`- ${code(statementText(statement))}`];
  const name = code(statementName(statement));
  if (kind === 'new' || kind === 'gone') return [`- ${kind} ${name}, ${meaning[effect]}: ${code(statementText(statement))}`];
  return [
    `- changed ${name}, ${meaning[effect]}`,
    ...(before === undefined ? [] : [`  - before: ${code(statementText(before))}`]),
    ...(after === undefined ? [] : [`  - after: ${code(statementText(after))}`]),
    ...firstOf(gained, 5, (part) => `  - ${part.effect === 'Deny' ? 'refused no more' : 'allowed now'}: ${code(statementText(part))}`),
    ...firstOf(lost, 5, (part) => `  - ${part.effect === 'Deny' ? 'refused now' : 'allowed no more'}: ${code(statementText(part))}`),
  ];
}

const meaning = {
  widens: '**widens**',
  narrows: 'narrows',
  'widens and narrows': '**widens** in one way and narrows in another',
  equivalent: 'allows the same',
  unchanged: 'unchanged',
} as const;
