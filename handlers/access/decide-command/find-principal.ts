/** Whom a name means. */
import { distinguishedNameKey, isDistinguishedName } from '../../directory/distinguished-name.ts';
import { firstValue, type ObjectRow } from '../../directory/mirror.ts';
import { ExplanationError } from './explanation-error.ts';

/** Attributes that hold names of a person. */
const names = ['sAMAccountName', 'userPrincipalName', 'displayName', 'name', 'mail'] as const;

/** Candidates that an error names. */
const most = 10;

/**
 * The one user that is called so: by objectGUID, SID, distinguished name, user principal name or sAMAccountName. A deleted account is meant
 * only where no living one is.
 *
 * @throws ExplanationError when there is none or more than one, naming candidates
 */
export function findPrincipal(objects: readonly ObjectRow[], name: string): ObjectRow {
  const users = objects.filter(({ type }) => type === 'user');
  const called = users.filter(isCalled(name.trim()));
  const living = called.filter(({ deleted }) => !deleted);
  const meant = living.length > 0 ? living : called;
  const [found, another] = meant;
  if (found === undefined) throw new ExplanationError(`no user ${JSON.stringify(name)} in the mirror: ${hint(objects, users, name)}`);
  if (another === undefined) return found;
  throw new ExplanationError(`${JSON.stringify(name)} may be ${listed(meant)}: give the user principal name or the objectGUID`);
}

function isCalled(name: string): (user: ObjectRow) => boolean {
  const lower = name.toLowerCase();
  const key = isDistinguishedName(name) ? distinguishedNameKey(name) : undefined;
  const guid = lower.replace(/^\{(.*)\}$/, '$1');
  return (user) =>
    user.guid === guid ||
    user.sid?.toLowerCase() === lower ||
    (key !== undefined && isDistinguishedName(user.dn) && distinguishedNameKey(user.dn) === key) ||
    [firstValue(user, 'userPrincipalName'), firstValue(user, 'sAMAccountName')].some((one) => one?.toLowerCase() === lower);
}

function hint(objects: readonly ObjectRow[], users: readonly ObjectRow[], name: string): string {
  const [other] = objects.filter((row) => row.type !== 'user' && !row.deleted).filter(isCalled(name.trim()));
  if (other !== undefined) return `it is a ${other.type}, and only users hold roles`;
  const part = name.trim().toLowerCase();
  const near = users.filter((user) => names.some((attribute) => firstValue(user, attribute)?.toLowerCase().includes(part)));
  if (near.length > 0) return `it may be ${listed(near)}`;
  const remedy = 'give a sAMAccountName, user principal name, distinguished name, SID or objectGUID of one of';
  // Somebody who tries a sandbox has nowhere to look names up.
  return users.length > 0 && users.length <= most ? `${remedy} ${listed(users)}` : `${remedy} ${users.length} users`;
}

function listed(users: readonly ObjectRow[]): string {
  const shown = users
    .slice(0, most)
    .map((user) => `${firstValue(user, 'userPrincipalName') ?? firstValue(user, 'sAMAccountName')} (${user.dn}, ${user.guid})`);
  return [...shown, ...(users.length > most ? [`${users.length - most} more`] : [])].join(', ');
}
