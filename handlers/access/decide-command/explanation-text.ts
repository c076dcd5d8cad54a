/** An explanation for a terminal. */
import type { Denial, Grant } from '../../events/catalogue.ts';
import type { Explanation } from './explain.ts';

/** Sections of lines; names of the directory cannot move the cursor or colour the text. */
export function explanationText(explanation: Explanation): string {
  const { principal, state, at, groups, mappings, grants, denied, held, isDecided } = explanation;
  const names = [principal.userPrincipalName, principal.samAccountName, principal.sid, principal.guid].filter((name) => name !== undefined);
  const sections = [
    [`${principal.name} (${state}) in ${principal.domain}`, [[principal.dn], [names.join(', ')]]],
    [
      `Effective groups (${groups.length})`,
      groups.map(({ name, dn, path }) => [name, path.length === 0 ? 'direct' : `by ${path.join(' › ')}`, dn]),
    ],
    ['Role mappings', mappings.map(({ mapping, outcome, why }) => [mapping, outcome === 'gives' ? 'would give' : 'gives nothing', why])],
    [`Verdict at ${at}`, [...grants.map(grantCells), ...denied.map(denialCells)]],
    [lastTitle(isDecided), (held ?? []).map((grant) => [roleAt(grant), `since ${grant.since}`, `by mapping ${grant.mapping}`])],
  ] as const;
  const text = sections.flatMap(([title, rows]) => ['', title, ...(rows.length === 0 ? ['  nothing'] : aligned(rows))]);
  return `${text.slice(1).map(visible).join('\n')}\n`;
}

function lastTitle(isDecided: boolean | undefined): string {
  if (isDecided === undefined) return 'Decided last: not known, the grants table was not given';
  const says = isDecided ? 'the same' : 'differs, and will be decided anew when decide-access looks at this person';
  // Targets are not asked here.
  return `Decided last: ${says} (targets may hold more while a guard holds it back, or after a person rejected its end)`;
}

const roleAt = ({ role, target }: Pick<Grant, 'role' | 'target'>): string => `${role} at ${target}`;

function grantCells(grant: Grant): readonly string[] {
  const way = [...(grant.path ?? []).map(({ name }) => name), grant.group.name].join(' › ');
  const word =
    grant.violates === undefined ? `permitted by ${grant.policies.join(', ')}` : `kept, though it violates ${grant.violates.join(', ')}`;
  const assignments = (grant.assignments ?? []).map(({ account, permissionSet }) => `${permissionSet} in ${account}`);
  return [
    roleAt(grant),
    grant.violates === undefined ? 'granted' : 'reported',
    [`${word}, by mapping ${grant.mapping}, by ${way}`, ...assignments].join('; '),
  ];
}

function denialCells(denial: Denial): readonly string[] {
  const notes = denial.policies.flatMap(({ annotations }) =>
    Object.entries(annotations)
      .filter(([name]) => name !== 'id' && name !== 'reason')
      .map(([name, value]) => `${name}: ${value}`),
  );
  return [roleAt(denial), 'denied', [`${denial.detail}, by mapping ${denial.mapping}, by ${denial.group.name}`, ...notes].join('; ')];
}

/** Cells two spaces apart, the last one as long as it is. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (column < row.length - 1 ? (row[column] ?? '').length : 0))));
  return rows.map(
    (row) => `  ${row.map((cell, column) => (column < row.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell)).join('  ')}`,
  );
}

/** Control characters, and those that turn the direction of text, as their code points. */
const visible = (text: string): string =>
  text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`);
