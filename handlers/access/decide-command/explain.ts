/** Why somebody should have what: told by the code that decides, so that no explanation drifts from a decision. */
import { type ObjectRow, objectKey, subjectOf } from '../../directory/mirror.ts';
import { type EffectiveGroup, type PrincipalReader, readPrincipal } from '../../directory/principals.ts';
import type { Denial, Grant, PrincipalState, Subject } from '../../events/catalogue.ts';
import { accountStatesOf, stateOf } from '../account-conditions.ts';
import { compileMappings } from '../compiled-mappings.ts';
import { decide, type PreparedAccess } from '../decide.ts';
import type { PrincipalGrants } from '../grants.ts';
import type { TargetedMapping } from '../role-mapping.ts';

export interface Explanation {
  readonly principal: Subject & { readonly domain: string };
  readonly state: PrincipalState;
  /** ISO 8601. */
  readonly at: string;
  /** All effective groups, and the groups on the way from a direct one; an empty way: a direct member. */
  readonly groups: readonly { readonly name: string; readonly dn: string; readonly sid?: string; readonly path: readonly string[] }[];
  readonly mappings: readonly MappingExplanation[];
  /** What the principal should hold. */
  readonly grants: readonly Grant[];
  readonly denied: readonly Denial[];
  /** What the grants table holds; undefined where it was not at hand. */
  readonly held: readonly Grant[] | undefined;
  /** Whether the grants table says the same; undefined where it was not at hand. */
  readonly isDecided: boolean | undefined;
}

/** `outcome`: what comes of a mapping, or the condition that keeps it from giving anything. */
export interface MappingExplanation {
  readonly mapping: string;
  readonly outcome: 'gives' | 'selects-no-group' | 'account-state' | 'valid' | 'exclude' | 'unless';
  readonly why: string;
}

export interface ExplanationRecords {
  readonly mirror: PrincipalReader;
  readonly access: PreparedAccess;
  /** undefined: the grants table is not at hand. */
  readonly grants: { readonly current: PrincipalGrants | undefined } | undefined;
  /** ISO 8601. */
  readonly now: string;
}

/** @returns undefined when the mirror holds no such principal any more */
export async function explain({ domain, guid }: ObjectRow, records: ExplanationRecords): Promise<Explanation | undefined> {
  const { access, now } = records;
  const { principal, groups } = await readPrincipal(records.mirror, domain, guid, objectKey(domain, guid).pk);
  if (principal === undefined) return undefined;
  const current = records.grants?.current;
  const cause = { id: 'explanation', type: 'Explanation' };
  const decided = decide(principal, groups, current, { access, decidedAt: now, cause });
  const { grants, denied } = decided ?? current ?? { grants: {}, denied: {} };
  return {
    principal: { ...subjectOf(principal), domain },
    state: stateOf(principal, now),
    at: now,
    groups: groups.map(({ row, path }) => {
      const { name, dn, sid } = subjectOf(row);
      return { name, dn, ...(sid === undefined ? {} : { sid }), path: path.map((one) => subjectOf(one).name) };
    }),
    mappings: access.configuration.mappings.map((mapping) => ofMapping(mapping, principal, groups, records)),
    grants: Object.values(grants),
    denied: Object.values(denied),
    held: records.grants && Object.values(current?.grants ?? {}),
    isDecided: records.grants && decided === undefined,
  };
}

function ofMapping(
  mapping: TargetedMapping,
  principal: ObjectRow,
  groups: readonly EffectiveGroup[],
  { access, now }: ExplanationRecords,
): MappingExplanation {
  const told = (outcome: MappingExplanation['outcome'], why: string) => ({ mapping: mapping.id, outcome, why });
  const bare = withoutConditions(mapping);
  const selected = groups.filter((group) => rolesOf(bare, principal, [group], { access, now }).length > 0);
  if (selected.length === 0) return told('selects-no-group', `none of the groups is ${JSON.stringify(mapping.group)}`);
  const state = stateOf(principal, now);
  if (state !== 'active') return told('account-state', `the account is ${state}`);
  const gives = (conditions: Pick<TargetedMapping, 'valid' | 'exclude' | 'unless'>) =>
    rolesOf({ ...bare, ...conditions }, principal, groups, { access, now });
  const roles = gives(mapping);
  if (roles.length > 0) return told('gives', `${roles.join(', ')} by ${selected.map(({ row }) => subjectOf(row).name).join(', ')}`);
  const { valid, exclude, unless } = mapping;
  if (valid !== undefined && gives({ valid }).length === 0)
    return told('valid', `valid ${[valid.from && `from ${valid.from}`, valid.until && `before ${valid.until}`].filter(Boolean).join(' ')}`);
  if (unless !== undefined && gives({ unless }).length === 0) {
    const states = accountStatesOf(principal);
    return told('unless', `the account is ${unless.filter((one) => states.has(one)).join(', ')}`);
  }
  const excluding = [
    ...(exclude?.groups ?? []).filter((one) => gives({ exclude: { groups: [one] } }).length === 0),
    ...(exclude?.users ?? []).filter((one) => gives({ exclude: { users: [one] } }).length === 0),
  ];
  return told('exclude', `excluded by ${excluding.map((one) => JSON.stringify(one)).join(', ')}`);
}

const withoutConditions = ({ valid, exclude, unless, ...mapping }: TargetedMapping): TargetedMapping => mapping;

/** Keys of the roles that one mapping alone gives, as the decision compiles and applies it. */
function rolesOf(
  mapping: TargetedMapping,
  principal: ObjectRow,
  groups: readonly EffectiveGroup[],
  { access, now }: Pick<ExplanationRecords, 'access' | 'now'>,
): readonly string[] {
  const { candidates } = compileMappings({ mappings: [mapping], targets: access.configuration.targets });
  const given = [...candidates(principal, groups, now).values()].flat();
  return [...new Set(given.map(({ target, role }) => `${role} at ${target}`))];
}
