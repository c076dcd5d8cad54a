/**
 * Our mark at a SCIM server is the externalId, which only the client writes (RFC 7643 section 3.1).
 *
 * A user's is `<domain>/<objectGUID>`: with the GUID alone nobody could tell of which directory it is. A group's is
 * `active-directory-lambda/role/<name>`.
 */
import type { Mark } from '../../target.ts';

export const accountMark = ({ domain, guid }: Mark): string => `${domain}/${guid}`;

export function accountMarkOf(externalId: unknown): Mark | undefined {
  if (typeof externalId !== 'string') return undefined;
  const [, domain, guid] = /^([^/\s]+)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(externalId) ?? [];
  return domain !== undefined && guid !== undefined ? { domain, guid } : undefined;
}

const rolePrefix = 'active-directory-lambda/role/';

/** Without what Identity Center takes in no external id (space), and what servers read wrongly in a filter (quote, backslash). */
export const roleMark = (role: string): string => `${rolePrefix}${role.toLowerCase().replace(/[%\s"\\]/g, encodeURIComponent)}`;

/** The role's name, lower case. */
export function roleMarkOf(externalId: unknown): string | undefined {
  if (typeof externalId !== 'string' || !externalId.startsWith(rolePrefix)) return undefined;
  try {
    const role = decodeURIComponent(externalId.slice(rolePrefix.length));
    // Only what we write is ours: one role has one mark.
    return roleMark(role) === externalId ? role : undefined;
  } catch {
    return undefined; // no escapes of ours
  }
}
