/** A review for spreadsheets and scripts: a line a grant, then a line a difference. */
import type { ReviewedDifference, ReviewedGrant, ReviewedPrincipal, ReviewHead } from '../access-review.ts';

const columns = [
  ...['person', 'domain', 'sam_account_name', 'user_principal_name', 'object_guid', 'person_state'],
  ...['target', 'account', 'account_id', 'role', 'assignments', 'state', 'since', 'path', 'mapping', 'policies', 'violates', 'valid_until'],
  ...['decision', 'guard', 'last_logon', 'last_use', 'exceptions', 'detail'],
] as const;
type Cells = Partial<Record<(typeof columns)[number], string | undefined>>;

/** CSV of RFC 4180, every field quoted, in UTF-8 without a byte order mark. */
export function* reviewCsv({ differences }: ReviewHead, principals: Iterable<ReviewedPrincipal>): Generator<string> {
  yield line(columns);
  for (const principal of principals) for (const grant of principal.grants) yield row(ofGrant(principal, grant));
  for (const difference of differences) yield row(ofDifference(difference));
}

const row = (cells: Cells): string => line(columns.map((column) => cells[column] ?? ''));
const line = (cells: readonly string[]): string => `${cells.map(field).join(',')}\r\n`;

/**
 * A spreadsheet takes a field that begins with one of these for a formula, in quotation marks too; an apostrophe before it makes it text (OWASP,
 * "CSV Injection"; OWASP ASVS 5.0, requirement 1.2.10). Full-width forms are taken for the same by some.
 */
const field = (text: string): string => {
  const harmless = /^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n\0]/u.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""')}"`;
};

function ofGrant(principal: ReviewedPrincipal, grant: ReviewedGrant): Cells {
  const { target, role, account, state, since, path = [], mapping, policies = [], violates = [], assignments = [] } = grant;
  return {
    person: principal.name,
    domain: principal.domain,
    sam_account_name: principal.samAccountName,
    user_principal_name: principal.userPrincipalName,
    object_guid: principal.guid,
    person_state: principal.state,
    ...{ target, role, state, since, mapping },
    account: account?.userName,
    account_id: account?.id,
    assignments: assignments.map(({ account: id, permissionSet }) => `${permissionSet} in ${id}`).join('; '),
    path: path.map(({ name }) => name).join(' > '),
    policies: policies.join('; '),
    violates: violates.join('; '),
    valid_until: grant.validUntil,
    decision: grant.decision,
    guard: grant.guard,
    last_logon: principal.lastLogon === null ? 'never' : (principal.lastLogon ?? 'not mirrored'),
    last_use: 'not told by the target',
    exceptions: grant.exceptions.join('; '),
  };
}

const ofDifference = ({ target, kind, outcome, detail, principal, role, account }: ReviewedDifference): Cells => ({
  ...{ person: principal, target, role, account: account?.userName, account_id: account?.id },
  exceptions: kind,
  detail: `${detail} (${outcome})`,
});
