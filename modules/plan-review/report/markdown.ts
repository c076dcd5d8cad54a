/** The review as Markdown, for the pull request. */
import { costOf, prices } from '../cost.ts';
import type { PlannedChange } from '../plan.ts';
import type { Finding, Reviewed } from '../reviewed.ts';
import { rules } from '../rules.ts';
import { accessSection } from './access-section.ts';
import { code, firstOf, plain, table } from './markdown-text.ts';
import { permissionsSection } from './permissions-section.ts';
import { actions, openAttributes, summaryOf } from './summary.ts';

const most = 50;

export function markdownOf(reviewed: Reviewed, findings: readonly Finding[]): string {
  const { changes } = reviewed.plan;
  const sections = [
    ['# Plan review', verdict(findings)],
    ['## What changes', ...summary(changes)],
    findings.length === 0 ? [] : ['## Findings', ...findingsSection(findings)],
    permissionsSection(reviewed.policies),
    accessSection(reviewed.access),
    costSection(changes),
  ];
  return `${sections
    .filter((section) => section.length > 0)
    .map((section) => section.join('\n\n'))
    .join('\n\n')}\n`;
}

function verdict(findings: readonly Finding[]): string {
  const count = (severity: Finding['severity']) => findings.filter((finding) => finding.severity === severity).length;
  const [errors, warnings, notes] = [count('error'), count('warning'), count('note')];
  const of = (number: number, name: string) => `${number} ${name}${number === 1 ? '' : 's'}`;
  return `**${of(errors, 'error')}, ${of(warnings, 'warning')}, ${of(notes, 'note')}.**`;
}

const heads = { create: 'added', update: 'changed', replace: 'replaced', delete: 'deleted', forget: 'forgotten' } as const;

function summary(changes: readonly PlannedChange[]): readonly string[] {
  const found = summaryOf(changes);
  if (found.length === 0) return ['Nothing.'];
  const shown = actions.filter((action) => action !== 'forget' || found.some(({ counts }) => counts.forget > 0));
  const rows = found.map(({ domain, counts }) => [domain, ...shown.map((action) => String(counts[action] || '–'))]);
  const open = openAttributes(changes);
  const listed = changes.filter(({ action }) => action !== 'none' && action !== 'create');
  return [
    table(['domain', ...shown.map((action) => heads[action])], rows),
    ...(listed.length === 0
      ? []
      : [
          firstOf(
            listed,
            most,
            ({ action, address, forcedBy }) => `- ${heads[action as keyof typeof heads]}: ${code(address)}${because(forcedBy)}`,
          ).join('\n'),
        ]),
    ...(open.length === 0
      ? []
      : [
          `Known after apply only, so nobody can review it here:\n\n${firstOf(open, most, ({ address, attributes }) => `- ${code(address)}: ${attributes.map(code).join(', ')}`).join('\n')}`,
        ]),
  ];
}

const because = (forcedBy: readonly string[]): string => (forcedBy.length === 0 ? '' : `, because of ${forcedBy.map(code).join(', ')}`);

/** By rule, so that what is wrong and what to do stand once. */
function findingsSection(findings: readonly Finding[]): readonly string[] {
  return [...Map.groupBy(findings, ({ rule }) => rule)].flatMap(([id, places]) => {
    const rule = rules.find((one) => one.id === id);
    if (rule === undefined) return [];
    return [
      `### ${marks[rule.severity]} ${rule.title} (${code(id)})`,
      `${plain(sentence(rule.why))} To do: ${plain(sentence(rule.remedy))}`,
      firstOf(places, most, ({ address, detail }) => `- ${code(address)}: ${plain(detail)}`).join('\n'),
    ];
  });
}

const marks = { error: '🔴', warning: '🟠', note: '⚪' } as const;

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function costSection(changes: readonly PlannedChange[]): readonly string[] {
  const { lines, monthly, byUse } = costOf(changes);
  if (lines.length === 0 && byUse.length === 0) return [];
  const money = (usd: number) => `$${usd.toFixed(2)}`;
  return [
    '## Cost of what is added',
    ...(lines.length === 0
      ? []
      : [
          table(
            ['fixed price', 'number', 'a month'],
            [...lines.map((line) => [line.what, String(line.count), money(line.monthly)]), ['**together**', '', `**${money(monthly)}**`]],
          ),
          `AWS's list prices in ${prices.region} of ${prices.asOf}, without free tiers and taxes; other regions cost more.`,
        ]),
    ...(byUse.length === 0 ? [] : [`By use, without a figure: ${byUse.map(({ what, count }) => `${count} × ${what}`).join('; ')}.`]),
  ];
}
