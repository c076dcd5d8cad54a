/** What becomes of the roles that mappings would give to a principal: policies decide on each. Pure. */
import { type ObjectRow, subjectOf } from '../directory/mirror.ts';
import type { EffectiveGroup } from '../directory/principals.ts';
import type { ChangeOf, Denial, Grant } from '../events/catalogue.ts';
import type { AccessConfiguration } from './access-configuration.ts';
import type { Candidate, CompiledMappings } from './compiled-mappings.ts';
import type { PrincipalGrants } from './grants.ts';
import type { Authorizer } from './policies/authorizer.ts';

export interface Judgement {
  /** By `grantKey`. */
  readonly grants: Readonly<Record<string, Grant>>;
  readonly denied: Readonly<Record<string, Denial>>;
  /** What is to be told: each once, when it becomes so. */
  readonly violations: readonly ChangeOf<'AccessViolationFound'>[];
  readonly refusals: readonly Denial[];
}

export interface Law {
  readonly access: {
    readonly configuration: Pick<AccessConfiguration, 'onViolation'>;
    readonly mappings: CompiledMappings;
    readonly authorizer: Authorizer;
  };
  /** ISO 8601. */
  readonly decidedAt: string;
}

/**
 * Judges every role that a mapping would give. The mapping listed first gives it, unless it may not: then the next. Where none may, the role
 * is denied; and where the principal holds it and a policy is against it by now, that is a violation.
 */
export function judge(principal: ObjectRow, groups: readonly EffectiveGroup[], current: PrincipalGrants | undefined, law: Law): Judgement {
  const { access, decidedAt } = law;
  const grants: Record<string, Grant> = {};
  const denied: Record<string, Denial> = {};
  const violations: ChangeOf<'AccessViolationFound'>[] = [];
  const refusals: Denial[] = [];
  for (const [key, candidates] of access.mappings.candidates(principal, groups, decidedAt)) {
    const held = own(current?.grants, key);
    const refused: Refused[] = [];
    for (const candidate of candidates) {
      const said = ask(candidate, { principal, groups, existing: held !== undefined }, law);
      if ('denial' in said) refused.push({ candidate, denial: said.denial });
      else {
        grants[key] = grantOf(candidate, said.policies, held?.since ?? decidedAt);
        break;
      }
    }
    const [first] = refused;
    if (Object.hasOwn(grants, key) || first === undefined) continue;
    // Held by the same mapping, and a policy is against it by now. By another one it is a new grant, whatever the old one's end.
    const broken = refused.find(({ candidate }) => !candidate.impossible && candidate.mapping.id === held?.mapping);
    if (held !== undefined && broken !== undefined && access.configuration.onViolation === 'report') {
      const violates = broken.denial.policies.map(({ id }) => id);
      // As it was: what the mapping would bring besides by now is denied.
      const grant = { ...held, violates };
      grants[key] = grant;
      if (!isSameList(held.violates, violates)) violations.push({ grant, denial: broken.denial, outcome: 'reported' });
      continue;
    }
    const before = own(current?.denied, key);
    // What was told stays as it was told: another wording alone is no other denial.
    denied[key] = before !== undefined && isSameDenial(before, first.denial) ? before : first.denial;
    if (held !== undefined && broken !== undefined) violations.push({ grant: held, denial: broken.denial, outcome: 'revoked' });
    else if (before === undefined || !isSameReason(before, first.denial)) refusals.push(first.denial);
  }
  return { grants, denied, violations, refusals };
}

interface Refused {
  readonly candidate: Candidate;
  readonly denial: Denial;
}

const own = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;

interface Asking {
  readonly principal: ObjectRow;
  readonly groups: readonly EffectiveGroup[];
  readonly existing: boolean;
}

function ask(
  candidate: Candidate,
  { principal, groups, existing }: Asking,
  { access, decidedAt }: Law,
): { policies: string[] } | { denial: Denial } {
  const { target, role, assignments, mapping, impossible } = candidate;
  const denial = { role, target, mapping: mapping.id, group: onTheWay(candidate.group.row) };
  if (impossible !== undefined) return { denial: { ...denial, ...impossible, policies: [] } };
  const verdict = access.authorizer.authorize({
    principal,
    groups,
    role: { target, name: role, labels: mapping.labels ?? [], assignments },
    context: { now: decidedAt, existing, mapping: mapping.id },
  });
  if (verdict.allowed) return { policies: [...verdict.policies].sort() };
  const policies = [...verdict.policies].sort((one, other) => (one.id < other.id ? -1 : 1));
  return { denial: { ...denial, reason: verdict.reason, detail: verdict.detail, policies } };
}

function grantOf({ role, target, mapping, group, assignments }: Candidate, policies: string[], since: string): Grant {
  return {
    role,
    target,
    mapping: mapping.id,
    group: onTheWay(group.row),
    ...(group.path.length === 0 ? {} : { path: group.path.map(onTheWay) }),
    ...(assignments.length === 0 ? {} : { assignments: [...assignments] }),
    policies,
    since,
  };
}

/** A group as grants and denials tell it. */
function onTheWay(row: ObjectRow): Grant['group'] {
  const { guid, dn, name } = subjectOf(row);
  return { guid, dn, name };
}

const isSameList = (one: readonly string[] | undefined, other: readonly string[]): boolean =>
  one !== undefined && JSON.stringify(one) === JSON.stringify(other);

/** Whether it is denied by the same: then nothing new is told. */
const isSameReason = (before: Denial, after: Denial): boolean =>
  before.reason === after.reason &&
  isSameList(
    before.policies.map(({ id }) => id),
    after.policies.map(({ id }) => id),
  );

const isSameDenial = (before: Denial, after: Denial): boolean =>
  isSameReason(before, after) && before.mapping === after.mapping && before.group.guid === after.group.guid;
