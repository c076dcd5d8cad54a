/** What principals should have, for the tests of roles. */
import fc from 'fast-check';
import { grantKey, type PrincipalGrants, type Profile, principalKey } from '../../handlers/access/grants.ts';
import type { Assignment, Grant, PrincipalState } from '../../handlers/events/catalogue.ts';
import type { AccountEntry, Membership } from '../../handlers/roles/ledger.ts';
import { accountPk } from '../../handlers/roles/ledger.ts';
import { type TargetRules, type Wanted, wantedAt } from '../../handlers/roles/plan.ts';
import { base, detectedAt, domain, guidOf } from '../directory/rows.ts';

/** Name of the target that the tests of the core sync. */
export const targetName = 'identity-center';
/** A target that can do everything. */
export const rules: TargetRules = { onInactive: 'deactivate', onDeleted: 'delete', canDeactivate: true, cutsSessions: true };

export const ada: Profile = {
  userName: 'ada@corp.example.com',
  displayName: 'Ada Example',
  givenName: 'Ada',
  familyName: 'Example',
  email: 'ada@example.com',
};
export const renamed: Profile = { ...ada, userName: 'ada.b@corp.example.com', displayName: 'Ada B', familyName: 'B' };

export const readOnly: Assignment = { account: '111122223333', permissionSet: 'ReadOnly' };
export const administrator: Assignment = { account: '111122223333', permissionSet: 'Administrator' };

export const grantOf = (role: string, assignments?: readonly Assignment[], target = targetName): Grant => ({
  role,
  target,
  mapping: role,
  group: { guid: guidOf(10), dn: `CN=AWS-${role},OU=Groups,${base}`, name: `AWS-${role}` },
  ...(assignments && { assignments: [...assignments] }),
  policies: [],
  since: detectedAt,
});

export interface Wish {
  readonly roles?: readonly string[];
  readonly state?: PrincipalState;
  readonly profile?: Profile;
  /** What roles bring, by name. */
  readonly assignments?: Readonly<Record<string, readonly Assignment[]>>;
}

/** The grants table's item of one principal at one revision. */
export function desired(
  revision: number,
  { roles = [], state = 'active', profile = ada, assignments = {} }: Wish,
  number = 1,
): PrincipalGrants {
  const grants = state === 'active' ? roles.map((role) => grantOf(role, assignments[role])) : [];
  return {
    pk: principalKey(domain, guidOf(number)),
    domain,
    subject: { guid: guidOf(number), type: 'user', name: 'ada', dn: `CN=ada,OU=People,${base}` },
    revision,
    state,
    profiles: { [targetName]: profile },
    grants: Object.fromEntries(grants.map((grant) => [grantKey(grant), grant])),
    denied: {},
    decidedAt: detectedAt,
    cause: { id: 'cause-1', type: 'UserUpdated' },
    unannounced: [],
  };
}

export const wanted = (revision: number, wish: Wish): Wanted => wantedAt(desired(revision, wish), targetName);

const roles = fc.subarray(['developers', 'auditors', 'team-blue']);
export const anyWanted: fc.Arbitrary<Wanted> = fc
  .record({
    revision: fc.integer({ min: 1, max: 9 }),
    roles,
    state: fc.constantFrom<PrincipalState>('active', 'disabled', 'outOfScope', 'deleted'),
    profile: fc.constantFrom(ada, renamed),
  })
  .map(({ revision, ...wish }) => wanted(revision, wish));

const membership = (role: string): fc.Arbitrary<[string, Membership]> =>
  fc
    .record(
      { grant: fc.constant(grantOf(role)), membershipId: fc.constant(`m-${role}`), ending: fc.constant(1) },
      { requiredKeys: ['grant'] },
    )
    .map((made) => [grantKey(made.grant), made]);

/** What a ledger may say of that principal, also after interrupted runs. */
export const anyEntry: fc.Arbitrary<AccountEntry | undefined> = fc.option(
  fc
    .record({
      profile: fc.option(fc.constantFrom(ada, renamed), { nil: undefined }),
      memberships: roles.chain((held) => fc.tuple(...held.map(membership))),
    })
    .map(({ profile, memberships }) => ({
      pk: accountPk(targetName, domain, guidOf(1)),
      version: 1,
      revision: 0,
      ...(profile ? { account: { id: 'account-1', profile } } : {}),
      memberships: profile ? Object.fromEntries(memberships) : {},
    })),
  { nil: undefined },
);
