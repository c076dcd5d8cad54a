/** Role mappings and policies that change, and whom it would give or take access. */
import { type AccessEffect, type AccessEffects, effectKinds } from '../access/access-effects.ts';
import type { Reviewed } from '../reviewed.ts';
import { block, code, firstOf, plain, table } from './markdown-text.ts';

const most = 50;

export function accessSection({ objects, difference, effects }: Reviewed['access']): readonly string[] {
  const { mappings, policies, settings } = difference;
  if (mappings.length + policies.length + settings.length + objects.problems.length === 0) return [];
  return [
    '## Access',
    ...objects.problems.map(({ address, problem }) => `${code(address)} cannot be evaluated: ${plain(problem)}`),
    ...(effects === undefined ? [] : effectsText(effects)),
    ...(mappings.length === 0
      ? []
      : [
          table(
            ['role mapping', '', 'before', 'after'],
            firstRows(mappings, ({ id, kind, before, after }) => [code(id), kind, cell(before), cell(after)]),
          ),
        ]),
    ...(settings.length === 0
      ? []
      : [
          table(
            ['setting', 'before', 'after'],
            firstRows(settings, ({ name, before, after }) => [code(name), cell(before), cell(after)]),
          ),
        ]),
    ...policies.map(
      ({ name, kind, lines }) =>
        `Policy ${code(name)} (${kind}):\n\n${block(
          'diff',
          lines.map(({ mark, text }) => `${mark}${text}`),
        )}`,
    ),
    ...(effects === undefined && objects.problems.length === 0
      ? ['Whom it concerns is not known: give `--mirror` with an export of the directory table.']
      : []),
  ];
}

const cell = (text: string | undefined): string => (text === undefined ? '–' : code(text));

const firstRows = <T>(items: readonly T[], row: (item: T) => readonly string[]): readonly (readonly string[])[] =>
  items.length <= most ? items.map(row) : [...items.slice(0, most).map(row), [`… ${items.length - most} more`]];

const verbs = {
  gains: 'Would gain',
  loses: 'Would lose',
  changes: 'Would keep, and get other accounts by',
  violates: 'Would keep although a policy forbids it',
} as const;

function effectsText({ effects, users, concerned }: AccessEffects): readonly string[] {
  if (effects.length === 0) return [`Nobody's access would change (${users} users of the mirror were decided for).`];
  return [
    `Access of **${concerned} of ${users} users** would change.`,
    ...effectKinds.flatMap((kind) => {
      const own = effects.filter((effect) => effect.kind === kind);
      return own.length === 0 ? [] : [`### ${verbs[kind]} (${own.length})`, ...byRole(own)];
    }),
  ];
}

/** Counts first: of thousands nobody reads each. */
function byRole(effects: readonly AccessEffect[]): readonly string[] {
  const groups = [...Map.groupBy(effects, ({ role, target, mapping }) => `${role} at ${target} by ${mapping}`)];
  const counts = groups.sort(([, one], [, other]) => other.length - one.length);
  return [
    firstOf(counts, most, ([name, own]) => `- ${code(name)}: ${own.length}`).join('\n'),
    firstOf(
      effects,
      most,
      ({ principal, role, target, mapping, why }) =>
        `- ${code(principal.name)} (${code(principal.dn)}): ${code(role)} at ${code(target)}, mapping ${code(mapping)}; ${plain(why)}`,
    ).join('\n'),
  ];
}
