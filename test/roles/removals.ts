/** Removals for tests of the guard. */

import type { Grant } from '../../handlers/events/catalogue.ts';
import type { Removal } from '../../handlers/roles/guard.ts';
import { type GuardLimitsInput, guardLimits } from '../../handlers/roles/guard-limits.ts';
import { base, detectedAt, domain, guidOf } from '../directory/rows.ts';

export const target = 'identity-center';

const grantOf = (role: string): Grant => ({
  role,
  target,
  mapping: role,
  group: { guid: guidOf(10), dn: `CN=AWS-${role},OU=Groups,${base}`, name: `AWS-${role}` },
  policies: [],
  since: detectedAt,
});

/** Person number `number` loses these roles, by a decision of that revision. */
export const removalOf = (number: number, roles: readonly string[] = ['developers'], revision = 1): Removal => ({
  key: `${domain}#${guidOf(number)}`,
  revision,
  name: `Person ${number}`,
  revoke: roles.map((role) => grantOf(role)),
  revocations: roles.length,
  accounts: 0,
});

/** No limit but those given. */
export const only = (limits: { revocations?: Windows; accounts?: Windows; expiryHours?: number }) => {
  const unlimited = { most: 1_000_000, share: 1 };
  const all = { run: unlimited, hour: unlimited, day: unlimited };
  return guardLimits({
    revocations: { ...all, ...limits.revocations },
    accounts: { ...all, ...limits.accounts },
    ...(limits.expiryHours && { expiryHours: limits.expiryHours }),
  });
};

type Windows = NonNullable<NonNullable<GuardLimitsInput>['revocations']>;

/** A clock that a test moves. */
export function clock(start = '2025-03-01T10:00:00.000Z') {
  let at = Date.parse(start);
  return {
    now: () => new Date(at),
    pass(minutes: number): void {
      at += minutes * 60_000;
    },
  };
}
