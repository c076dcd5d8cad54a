/** From findings to the messages that heal them, and to what a guard has to be asked for: pure. */
import { type PrincipalGrants, principalKey } from '../../access/grants.ts';
import type { PrincipalMessage, RoleDriftMessage } from '../../access/role-message.ts';
import type { DriftKind } from '../../events/catalogue.ts';
import { type Cause, eventId } from '../../events/identity-event.ts';
import type { Desired, Finding } from '../drift.ts';
import type { Removal } from '../guard.ts';

/** What asks a run's own events for their cause. */
export const runCause = (target: string, run: string): Cause => ({
  id: eventId(target, run, 0, 'DriftFound'),
  type: 'DriftFound',
  detectedAt: run,
});

export const grantsKeyOf = ({ domain, subject }: Pick<PrincipalGrants, 'domain' | 'subject'>): string => principalKey(domain, subject.guid);

/**
 * One message a principal and one a role.
 *
 * @param removing false: what takes something away is left out, the rest is healed
 */
export function healingOf(
  target: string,
  run: string,
  desired: Desired,
  findings: readonly Finding[],
  removing: boolean,
): readonly (PrincipalMessage | RoleDriftMessage)[] {
  const cause = runCause(target, run);
  const principals = new Map<string, PrincipalMessage & { extraRoles: string[]; drift: { run: string; kinds: DriftKind[] } }>();
  const roles = new Map<string, RoleDriftMessage & { extraMembers: string[]; drift: { run: string; kinds: DriftKind[] } }>();
  for (const { kind, principal, role, account, healable, removes } of findings) {
    if (!healable || (removes > 0 && !removing)) continue;
    let kinds: DriftKind[];
    if (principal !== undefined) {
      const { domain, subject, revision } = principal;
      const key = grantsKeyOf(principal);
      const message = principals.get(key) ?? { domain, guid: subject.guid, revision, cause, extraRoles: [], drift: { run, kinds: [] } };
      principals.set(key, message);
      if (kind === 'membership-extra' && role !== undefined) message.extraRoles.push(role);
      kinds = message.drift.kinds;
    } else if (role !== undefined) {
      const key = role.toLowerCase();
      const assignments = [...(desired.roles.get(key)?.assignments ?? [])];
      const message = roles.get(key) ?? { role, extraMembers: [], assignments, cause, drift: { run, kinds: [] } };
      roles.set(key, message);
      if (kind === 'membership-extra' && account !== undefined) message.extraMembers.push(account.id);
      kinds = message.drift.kinds;
    } else continue;
    if (!kinds.includes(kind)) kinds.push(kind);
  }
  return [...roles.values(), ...principals.values()];
}

/** What healing takes away, by principal and role. */
export function removalsOf(findings: readonly Finding[]): readonly Removal[] {
  const removals = new Map<string, Removal>();
  for (const { kind, principal, role, account, healable, removes } of findings) {
    if (!healable || removes === 0) continue;
    const key = principal === undefined ? `role#${role?.toLowerCase()}` : grantsKeyOf(principal);
    const before = removals.get(key);
    const ofAccount = kind === 'account-orphaned' || kind === 'account-active';
    removals.set(key, {
      key,
      revision: principal?.revision ?? 0,
      name: principal?.subject.name ?? role ?? account?.userName ?? key,
      revoke: [],
      revocations: (before?.revocations ?? 0) + (ofAccount ? 0 : removes),
      accounts: ofAccount || before?.accounts === 1 ? 1 : 0,
    });
  }
  return [...removals.values()];
}
