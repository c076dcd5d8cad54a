/** One row of a review's page. */
import { escaped } from '../../platform/report-page.ts';
import type { ExceptionKind, ReviewedGrant, ReviewedPrincipal } from '../access-review.ts';

/** What is to be looked at, in the order of the page; `bad`: somebody has what they should not have. */
export const exceptionTexts: Readonly<Record<ExceptionKind, { readonly says: string; readonly bad: boolean }>> = {
  violation: { says: 'forbidden, only reported', bad: true },
  inactive: { says: 'of an inactive person', bad: true },
  extra: { says: 'granted by nobody', bad: true },
  staged: { says: 'end held back by a guard', bad: false },
  missing: { says: 'missing at the target', bad: false },
  'ending-soon': { says: 'ends within 30 days', bad: false },
  'never-logged-on': { says: 'never logged on', bad: false },
};

/**
 * A name beside others, apart from the direction of the text around it (Unicode Standard Annex 9, isolates). Not a bdi element: it would have
 * the browser look through its text for a direction, which takes a minute with tens of thousands of them. A cell is apart by itself.
 */
export const apart = (text: string): string => `<i>${escaped(text)}</i>`;
const small = (text: string | undefined, name = ''): string => (text ? `<small${name}>${escaped(text)}</small>` : '');
const day = (time: string): string => time.slice(0, 10);

export interface RowSettings {
  readonly logons: boolean;
  /** A screen shows it only when it is asked for more. */
  readonly later: boolean;
}

export function reviewRow(principal: ReviewedPrincipal, grant: ReviewedGrant, { logons, later }: RowSettings): string {
  const { role, target, state, account, assignments = [], path = [], mapping, policies = [], since, exceptions } = grant;
  const brings = assignments.map((one) => `${one.permissionSet} in ${one.account}`).join(', ');
  const login = principal.userPrincipalName ?? principal.samAccountName ?? principal.dn;
  // Two people of one name are two; a role has one name at each target.
  const cells = [
    `<td data-key="${escaped(`${principal.name} ${login} ${principal.guid}`)}" data-name="${escaped(`${principal.name}, ${login}`)}">${escaped(principal.name)}${small(login)}${principal.state === 'active' ? '' : `<span class="mark bad">${principal.state}</span>`}</td>`,
    `<td data-key="${escaped(role ?? '')}">${role === undefined ? '(account alone)' : escaped(role)}${small(brings)}</td>`,
    `<td data-key="${escaped(target)}">${escaped(target)}${small(account?.userName === login ? undefined : account?.userName)}</td>`,
    `<td>${state}</td>`,
    `<td>${since === undefined ? '' : `<time datetime="${escaped(since)}">${day(since)}</time>`}</td>`,
    `<td>${path.map(({ name }) => apart(name)).join(' › ')}</td>`,
    `<td>${escaped(mapping ?? '')}${small(policies.join(', '))}${small(grant.decision, ' class="id"')}</td>`,
    ...(logons ? [`<td>${lastLogon(principal)}</td>`] : []),
    `<td>${exceptions.map((kind) => mark(kind, grant)).join('')}</td>`,
  ];
  const look = exceptions.length === 0 ? '' : ` data-look="${exceptions.join(' ')}"`;
  return `<tr${later ? ' class="more"' : ''}${look}>${cells.join('')}</tr>`;
}

const lastLogon = ({ lastLogon: at }: ReviewedPrincipal): string =>
  at === null ? 'never' : at === undefined ? 'not mirrored' : `<time datetime="${escaped(at)}">${day(at)}</time>`;

function mark(kind: ExceptionKind, { violates = [], validUntil, guard }: ReviewedGrant): string {
  const { says, bad } = exceptionTexts[kind];
  const more = {
    violation: violates.join(', '),
    'ending-soon': validUntil === undefined ? '' : day(validUntil),
    staged: guard ?? '',
    ...{ inactive: '', extra: '', missing: '', 'never-logged-on': '' },
  }[kind];
  return `<span class="mark${bad ? ' bad' : ''}">${says}${more === '' ? '' : `: ${apart(more)}`}</span>`;
}
