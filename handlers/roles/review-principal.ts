/** What one person holds, from the decision on them and from the ledger of each target. Pure. */
import { type PrincipalGrants, principalKey } from '../access/grants.ts';
import type { Grant } from '../events/catalogue.ts';
import { eventId } from '../events/identity-event.ts';
import { type ExceptionKind, endingSoonDays, type GrantState, type ReviewedGrant, type ReviewedPrincipal } from './access-review.ts';
import { dayMs } from './guard-limits.ts';
import type { AccountEntry, Membership } from './ledger.ts';

export interface ReviewBasis {
  /** By target: its ledger's item of this person. */
  readonly entries: ReadonlyMap<string, AccountEntry>;
  /** When each mapping stops giving its roles, ISO 8601, by id; of those that do. */
  readonly ends: ReadonlyMap<string, string>;
  /** Last log-on as the directory tells it, ISO 8601; null: never; undefined: it is not mirrored. */
  readonly lastLogon: string | null | undefined;
  /** ISO 8601. */
  readonly now: string;
}

/** @returns undefined for somebody who holds nothing and is to hold nothing */
export function reviewPrincipal(item: PrincipalGrants, basis: ReviewBasis): ReviewedPrincipal | undefined {
  const { domain, subject, state, decidedAt } = item;
  const grants = Object.keys(item.profiles)
    .sort()
    .flatMap((target) => reviewAt(target, item, basis));
  if (grants.length === 0) return undefined;
  const { guid, name, dn, samAccountName, userPrincipalName } = subject;
  return {
    ...{ domain, guid, name, dn, state, decidedAt, grants },
    ...(samAccountName === undefined ? {} : { samAccountName }),
    ...(userPrincipalName === undefined ? {} : { userPrincipalName }),
    ...(basis.lastLogon === undefined ? {} : { lastLogon: basis.lastLogon }),
  };
}

function reviewAt(target: string, item: PrincipalGrants, basis: ReviewBasis): readonly ReviewedGrant[] {
  const entry = basis.entries.get(target);
  const decided = Object.entries(item.grants).filter(([, grant]) => grant.target === target);
  const kept = Object.entries(entry?.memberships ?? {}).filter(([key]) => !Object.hasOwn(item.grants, key));
  const extras = Object.values(entry?.extras ?? {});
  const reviewed = [
    ...decided.map(([key, grant]) => ofGrant(grant, stateOf(item, entry, entry?.memberships[key]), item, basis)),
    ...kept.map(([, { grant }]) => ofGrant(grant, entry?.staged === undefined ? 'ending' : 'staged', item, basis)),
    ...extras.map(({ role }) => completed({ target, role, state: 'extra' }, item, basis)),
  ];
  // Accounts that cannot be made inactive are always active, whoever they belong to: nothing to be told.
  const logsOn = reviewed.length === 0 && item.state !== 'active' && entry?.account?.active === true;
  return logsOn ? [completed({ target, state: 'held' }, item, basis)] : reviewed;
}

function stateOf(item: PrincipalGrants, entry: AccountEntry | undefined, membership: Membership | undefined): GrantState {
  // A later one was taken and done while this one was read: what it wants is not known here.
  if (membership === undefined) return entry?.revision === item.revision ? 'missing' : 'pending';
  if (membership.ending) return 'ending';
  return membership.membershipId === undefined || membership.assigning ? 'pending' : 'held';
}

function ofGrant(grant: Grant, state: GrantState, item: PrincipalGrants, basis: ReviewBasis): ReviewedGrant {
  const { target, role, since, mapping, group, path = [], policies, violates = [], assignments } = grant;
  const validUntil = basis.ends.get(mapping);
  return completed(
    {
      ...{ target, role, state, since, mapping, policies },
      path: [...path, group].map(({ guid, name }) => ({ guid, name })),
      ...(assignments === undefined ? {} : { assignments }),
      ...(violates.length === 0 ? {} : { violates }),
      ...(validUntil === undefined ? {} : { validUntil }),
      decision: decisionOf(item, since),
    },
    item,
    basis,
  );
}

/**
 * Id of the AccessDecided event that gave a grant first. The revision of a decision is its time in milliseconds, unless two decisions on one
 * person fell into one millisecond or a clock went back (see `PrincipalGrants.revision`): then the trail has it under another id, just after.
 */
export const decisionOf = ({ domain, subject }: Pick<PrincipalGrants, 'domain' | 'subject'>, since: string): string =>
  eventId(domain, subject.guid, Date.parse(since), 'AccessDecided');

/** With the account, the guard and the exceptions. */
function completed(grant: Omit<ReviewedGrant, 'exceptions'>, item: PrincipalGrants, basis: ReviewBasis): ReviewedGrant {
  const entry = basis.entries.get(grant.target);
  const account = entry?.account ?? entry?.deleting;
  const { state, violates, validUntil } = grant;
  const ends = validUntil === undefined ? undefined : Date.parse(validUntil) - Date.parse(basis.now);
  const applies: Readonly<Record<ExceptionKind, boolean>> = {
    violation: violates !== undefined,
    'ending-soon': ends !== undefined && ends <= endingSoonDays * dayMs,
    staged: state === 'staged',
    inactive: item.state !== 'active',
    missing: state === 'missing',
    extra: state === 'extra',
    'never-logged-on': basis.lastLogon === null,
  };
  return {
    ...grant,
    ...(account === undefined ? {} : { account: { id: account.id, userName: account.profile.userName } }),
    ...(state === 'staged' && entry?.staged !== undefined ? { guard: entry.staged } : {}),
    exceptions: (Object.keys(applies) as ExceptionKind[]).filter((kind) => applies[kind]),
  };
}

/** Where reports are sorted by name, and by key where two have one. */
export const reviewOrder = ({ name, domain, guid }: ReviewedPrincipal): string => `${name.toLowerCase()}\n${principalKey(domain, guid)}`;
