/** What principals should have, for the tests of roles. */
import fc from 'fast-check';
import { identityCenter } from '../../handlers/access/decide.ts';
import { grantKey, type PrincipalGrants, type Profile, principalKey } from '../../handlers/access/grants.ts';
import type { Grant, PrincipalState } from '../../handlers/events/catalogue.ts';
import type { AccountEntry, Membership } from '../../handlers/roles/ledger.ts';
import { accountPk } from '../../handlers/roles/ledger.ts';
import { base, detectedAt, domain, guidOf } from '../directory/rows.ts';

export const ada: Profile = {
  userName: 'ada@corp.example.com',
  displayName: 'Ada Example',
  givenName: 'Ada',
  familyName: 'Example',
  email: 'ada@example.com',
};
export const renamed: Profile = { ...ada, userName: 'ada.b@corp.example.com', displayName: 'Ada B', familyName: 'B' };

export const grantOf = (role: string, target = identityCenter): Grant => ({
  role,
  target,
  mapping: role,
  group: { guid: guidOf(10), dn: `CN=AWS-${role},OU=Groups,${base}`, name: `AWS-${role}` },
});

export interface Wish {
  readonly roles?: readonly string[];
  readonly state?: PrincipalState;
  readonly profile?: Profile;
}

/** The grants table's item of one principal at one revision. */
export function desired(revision: number, { roles = [], state = 'active', profile = ada }: Wish): PrincipalGrants {
  const grants = state === 'active' ? roles.map((role) => grantOf(role)) : [];
  return {
    pk: principalKey(domain, guidOf(1)),
    domain,
    subject: { guid: guidOf(1), type: 'user', name: 'ada', dn: `CN=ada,OU=People,${base}` },
    revision,
    state,
    profile,
    grants: Object.fromEntries(grants.map((grant) => [grantKey(grant), grant])),
    decidedAt: detectedAt,
    cause: { id: 'cause-1', type: 'UserUpdated' },
    unannounced: [],
  };
}

const roles = fc.subarray(['developers', 'auditors', 'team-blue']);
export const anyDesired: fc.Arbitrary<PrincipalGrants> = fc
  .record({
    revision: fc.integer({ min: 1, max: 9 }),
    roles,
    state: fc.constantFrom<PrincipalState>('active', 'disabled', 'deleted'),
    profile: fc.constantFrom(ada, renamed),
  })
  .map(({ revision, ...wish }) => desired(revision, wish));

const membership = (role: string): fc.Arbitrary<[string, Membership]> =>
  fc
    .record(
      { grant: fc.constant(grantOf(role)), membershipId: fc.constant(`m-${role}`), ending: fc.constant(true as const) },
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
      pk: accountPk(identityCenter, domain, guidOf(1)),
      version: 1,
      revision: 0,
      ...(profile ? { account: { id: 'account-1', profile } } : {}),
      memberships: profile ? Object.fromEntries(memberships) : {},
    })),
  { nil: undefined },
);
