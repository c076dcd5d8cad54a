/**
 * Our mark at IAM Identity Center is the ExternalId: issuer `active-directory:<domain>` with the objectGUID for users, issuer
 * `active-directory-lambda` with `role/<name>` for groups (spaces escaped as in a URL). CreateUser and CreateGroup cannot set it, so it
 * follows by UpdateUser and UpdateGroup at once; the intent in our ledger covers a crash in between.
 */
import type { ExternalId } from '@aws-sdk/client-identitystore';
import type { Intent, Mark } from '../../target.ts';

type ExternalIds = readonly ExternalId[] | undefined;

const accountIssuer = 'active-directory:';
const roleIssuer = 'active-directory-lambda';

export const accountMark = ({ domain, guid }: Mark): ExternalId => ({ Issuer: `${accountIssuer}${domain}`, Id: guid });
/** An external id takes no space, a group's name does (Identity Store API Reference, "ExternalId" and "Group"). */
export const roleMark = (role: string): ExternalId => ({
  Issuer: roleIssuer,
  Id: `role/${role.toLowerCase().replace(/[% ]/g, encodeURIComponent)}`,
});

export const carries = (externalIds: ExternalIds, mark: ExternalId): boolean =>
  (externalIds ?? []).some(({ Issuer, Id }) => Issuer === mark.Issuer && Id === mark.Id);

/** The mark of any directory account that the ids hold. */
export function accountMarkOf(externalIds: ExternalIds): Mark | undefined {
  const found = externalIds?.find(({ Issuer }) => Issuer?.startsWith(accountIssuer));
  return found?.Issuer === undefined || found.Id === undefined
    ? undefined
    : { domain: found.Issuer.slice(accountIssuer.length), guid: found.Id };
}

/** The role's name that the ids hold, lower case. */
export function roleMarkOf(externalIds: ExternalIds): string | undefined {
  const found = externalIds?.find(({ Issuer, Id }) => Issuer === roleIssuer && Id?.startsWith('role/'));
  return found?.Id?.slice('role/'.length).replace(/%(?:25|20)/g, decodeURIComponent);
}

/** A thing we made carries a creation time of the store's clock: this much may lie between it and ours. */
const clockSkewMs = 60_000;
/** And it is made at most this long after the intent: longer no run lasts. */
const runMs = 60_000;

/** Made by a run of ours that died before it could set the mark: no mark of anybody, and of the time of our intent to make it. */
export function halfMade(
  made: { readonly ExternalIds?: ExternalId[] | undefined; readonly CreatedAt?: Date | undefined },
  intent: Intent | undefined,
): boolean {
  if (intent === undefined || made.CreatedAt === undefined || (made.ExternalIds?.length ?? 0) > 0) return false;
  const sinceIntent = made.CreatedAt.getTime() - Date.parse(intent.at);
  return sinceIntent >= -clockSkewMs && sinceIntent <= runMs + clockSkewMs;
}
