/** What has to be right of an account before its password is changed. Pure. */
import type { Account } from './account-directory.ts';
import { CredentialError } from './credential-error.ts';

/**
 * Whether a user name of a secret means the account: its user principal name (also the implicit one, MS-ADTS section 5.1.1.1.1), its
 * distinguished name, DOMAIN\name, or the bare name.
 *
 * @param domain DNS name
 */
export function means(username: string, { subject }: Account, domain: string): boolean {
  const { samAccountName, userPrincipalName, dn } = subject;
  const text = username.toLowerCase();
  const sam = samAccountName.toLowerCase();
  const backslash = text.indexOf('\\');
  if (backslash >= 0) return text.slice(backslash + 1) === sam;
  return [userPrincipalName, `${samAccountName}@${domain}`, dn, samAccountName].some((one) => one?.toLowerCase() === text);
}

/** The account's user name in the form that another one has, so that consumers need not know which account is current. */
export function inFormOf(username: string, { subject }: Account, domain: string): string {
  const { samAccountName, userPrincipalName, dn } = subject;
  const backslash = username.indexOf('\\');
  if (backslash >= 0) return `${username.slice(0, backslash + 1)}${samAccountName}`;
  if (username.includes('@')) return userPrincipalName ?? `${samAccountName}@${domain}`;
  return username.includes('=') ? dn : samAccountName;
}

/** @throws CredentialError when the account cannot log on, whatever its password */
export function assertUsable({ subject, disabled, expired, lockedOut }: Account): void {
  const { samAccountName } = subject;
  if (disabled)
    throw new CredentialError(`account "${samAccountName}" is disabled`, 'enable it, or take its credential out of the settings');
  if (expired)
    throw new CredentialError(
      `account "${samAccountName}" has expired`,
      'move its accountExpires, or take its credential out of the settings',
    );
  if (lockedOut)
    throw new CredentialError(`account "${samAccountName}" is locked out`, 'unlock it, and find who binds with a wrong password');
}

/** @throws CredentialError when another object claims one of its names: who binds or asks for a ticket by it may reach the other */
export function assertAlone({ subject }: Account, namesakes: readonly { readonly dn: string; readonly name: string }[]): void {
  const [first] = namesakes;
  if (first === undefined) return;
  throw new CredentialError(
    `"${first.name}" of account "${subject.samAccountName}" is also a name of ${first.dn}`,
    'take it from one of the two (setspn -X finds duplicates)',
  );
}

/** @throws CredentialError where either has service principal names: tickets for them are made with one account's key alone (RFC 4120) */
export function assertNoServiceNames(accounts: readonly Account[]): void {
  const named = accounts.find(({ servicePrincipalNames }) => servicePrincipalNames.length > 0);
  if (named === undefined) return;
  throw new CredentialError(
    `account "${named.subject.samAccountName}" has the service principal name "${named.servicePrincipalNames[0]}", which only one of two alternating accounts can have`,
    'rotate it with the strategy single or reset, or take the name away',
  );
}

/** @param now the directory's own time, ISO 8601 @throws CredentialError when the account may not change its password yet */
export function assertOldEnough({ subject, passwordLastSet }: Account, minAgeMs: number, now: string): void {
  if (passwordLastSet === undefined || minAgeMs <= 0) return;
  const from = Date.parse(passwordLastSet) + minAgeMs;
  if (from <= Date.parse(now)) return;
  const when = Number.isFinite(from) ? `before ${new Date(from).toISOString()}` : 'ever';
  throw new CredentialError(
    `account "${subject.samAccountName}" may not change its password ${when}: the policy's minimum age`,
    'wait, lower the minimum age, or have a delegated account reset it',
  );
}

/** Groups that only one of two alternating accounts is in: `+dn` of the one that is to become current, `-dn` of the one that is. */
export function differences(next: Account, current: Account): readonly string[] {
  const only = (one: Account, other: Account, sign: string) => {
    const theirs = new Set(other.groups.map((dn) => dn.toLowerCase()));
    return one.groups.filter((dn) => !theirs.has(dn.toLowerCase())).map((dn) => `${sign}${dn}`);
  };
  return [...only(next, current, '+'), ...only(current, next, '-')];
}

/** @throws CredentialError naming the groups, unless differences are only to be reported */
export function assertSameGroups(found: readonly string[], next: Account, onDifference: 'refuse' | 'report'): void {
  if (found.length === 0 || onDifference === 'report') return;
  throw new CredentialError(
    `account "${next.subject.samAccountName}" is not in the same groups as the one that is current (${found.slice(0, 5).join(', ')}${found.length > 5 ? ` and ${found.length - 5} more` : ''})`,
    'put both into the same groups, or set differences to "report"',
  );
}
