/** Which groups of the directories the configuration names, and which of its names are in vain: an exclusion, or a forbid, without effect. */
import type { ObjectRow } from '../directory/mirror.ts';
import { conveys } from '../directory/principals.ts';
import { isOfDomains } from './compiled-mappings.ts';
import type { PreparedAccess } from './decide.ts';
import { selectorIndex } from './group-selector.ts';
import { groupIds } from './policies/entity-names.ts';

export interface NamedGroups {
  /** Groups that a mapping selects. */
  readonly selected: readonly ObjectRow[];
  /** Log entries about names that no group has which passes on its members' rights. */
  readonly without: readonly (readonly [code: string, fields: Readonly<Record<string, unknown>>])[];
}

/** @param groups all living groups of the watched directories */
export function namedGroups({ configuration, authorizer }: PreparedAccess, groups: readonly ObjectRow[]): NamedGroups {
  const { mappings } = configuration;
  const select = selectorIndex(
    mappings.map((mapping) => [mapping.group, { id: mapping.id, isOf: isOfDomains(mapping) }] as const),
    'surely',
  );
  const exclusions = mappings.flatMap(({ id, exclude }) => (exclude?.groups ?? []).map((group) => ({ mapping: id, group })));
  const exclude = selectorIndex(
    exclusions.map((exclusion) => [exclusion.group, exclusion] as const),
    'maybe',
  );
  const selections = groups.map((group) => ({ group, by: select(group).filter(({ value }) => value.isOf(group.domain)) }));
  const used = new Set(selections.flatMap(({ by }) => by.map(({ value }) => value.id)));
  const conveying = groups.filter(conveys);
  const excluding = new Set(conveying.flatMap((group) => exclude(group).map(({ value }) => value)));
  const known = new Set(conveying.flatMap(groupIds));
  return {
    selected: selections.filter(({ by }) => by.length > 0).map(({ group }) => group),
    without: [
      ...mappings.filter(({ id }) => !used.has(id)).map(({ id }) => ['ROLE_MAPPING_MATCHES_NOTHING', { mapping: id }] as const),
      ...exclusions.filter((one) => !excluding.has(one)).map((one) => ['EXCLUSION_MATCHES_NOTHING', one] as const),
      ...[...(authorizer.groups ?? [])].filter((id) => !known.has(id)).map((group) => ['POLICY_GROUP_MATCHES_NOTHING', { group }] as const),
    ],
  };
}
