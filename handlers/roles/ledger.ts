/**
 * The roles table: what sync-roles made at its target. Only sync-roles writes it, and only what stands here is ever revoked.
 *
 * A principal's item lies under `pk = target#domain#guid`, a role's under `pk = target#role#name`.
 */
import type { Profile } from '../access/grants.ts';
import type {
  Assignment,
  DeprovisioningStep,
  DriftKind,
  Grant,
  IdentityEventType,
  PrincipalState,
  TargetAccount,
} from '../events/catalogue.ts';
import { eventId } from '../events/identity-event.ts';
import type { AccountState, Intent } from './target.ts';

/**
 * A membership, noted before it is made and before it is ended: what an interrupted run did at the target is then never forgotten, even
 * where the next decision wants the opposite.
 */
export interface Membership {
  readonly grant: Grant;
  /** Undefined while it may or may not have been made. */
  readonly membershipId?: string | undefined;
  /** Set while it may or may not have been made, or told: version of the item that noted it first. */
  readonly giving?: number | undefined;
  /** Set while it may or may not have been ended, or told: version of the item that noted it first. */
  readonly ending?: number | undefined;
  /** Its id before it was perhaps ended behind our back, while it is given anew: another id afterwards says that it had ended. */
  readonly former?: string | undefined;
  /** What interrupted runs gave and ended before this, and may not have told. */
  readonly untold?: readonly MembershipNews[] | undefined;
  /** Set while the role's assignments are not known to be made. */
  readonly assigning?: true | undefined;
}

export interface MembershipNews {
  readonly type: 'RoleGranted' | 'RoleRevoked';
  /** Version of the item that noted it first. */
  readonly number: number;
}

/**
 * What runs tried to bring an account to, and may or may not have brought it to, or told. An interrupted run is found out by the next one,
 * which tells it under the same id, whatever it wants itself.
 */
export interface Attempt<T> {
  readonly value: T;
  /** Version of the item that noted it first. */
  readonly number: number;
  /** The target showed it afterwards. */
  readonly reached?: true | undefined;
}

/** An account as it was told last, while it may or may not have been deleted, and what else may not have been told of it. */
export interface DeletedAccount extends AccountState, Pick<AccountEntry, 'fresh' | 'updating' | 'activating'> {
  /** What it held before, by grant key: ended. */
  readonly held?: Readonly<Record<string, Membership>> | undefined;
  /** One that was deleted before this one was made, and perhaps not told: it is told with this. */
  readonly former?: DeletedAccount | undefined;
}

/** A membership of the account in a role of ours that nobody granted: added behind our back. */
export interface ExtraMembership {
  readonly role: string;
  readonly roleId: string;
  readonly membershipId: string;
  /** Set while it may or may not have been ended. */
  readonly ending?: true | undefined;
}

/** Access at the target that is being ended altogether, and what is done of it: the evidence, until it is told. */
export interface Ending {
  readonly state: PrincipalState;
  readonly account: TargetAccount;
  /** Version of the item that noted it first. */
  readonly number: number;
  /** What the account held. */
  readonly ended: readonly Grant[];
  readonly steps: readonly { readonly step: DeprovisioningStep; readonly at: string }[];
}

/** Sessions that are cut, or may be. */
export interface SessionCut {
  readonly accountId: string;
  readonly permissionSets: readonly string[];
  /** When the last of them would have ended by itself, ISO 8601; undefined while they may or may not be cut. */
  readonly until?: string | undefined;
}

export interface LapsedGrant {
  readonly grant: Grant;
  /** When the membership ended, ISO 8601. */
  readonly at: string;
}

/** The longest session of a permission set (IAM Identity Center User Guide, "Set session duration for AWS accounts"). */
const longestSessionMs = 12 * 3_600_000;

/** Those whose sessions may not have ended by themselves; undefined: none. @param now ISO 8601 */
export function mayLast(lapsed: readonly LapsedGrant[] | undefined, now: string): readonly LapsedGrant[] | undefined {
  const lasting = lapsed?.filter(({ at }) => Date.parse(at) + longestSessionMs > Date.parse(now));
  return lasting?.length ? lasting : undefined;
}

/** How the target differed when it was looked at again; kept until it is healed and told. */
export interface DriftNote {
  readonly run: string;
  readonly found: readonly { readonly kind: DriftKind; readonly detail: string }[];
}

export interface AccountEntry {
  readonly pk: string;
  /** Counts the writes of this item, from 1. */
  readonly version: number;
  /** Revision of the grants table's item that is done at the target; 0 before the first. */
  readonly revision: number;
  readonly account?: AccountState | undefined;
  /** Set while the account may or may not have been made. */
  readonly intent?: Intent | undefined;
  /** Set while the account is there as it was made, and that may or may not have been told. */
  readonly fresh?: true | undefined;
  /** Profiles that the account may or may not have got; `account` holds the one that was told last. */
  readonly updating?: readonly Attempt<Profile>[] | undefined;
  /** Whether it may log on, while that may or may not have been brought to the target; `account` holds what was told last. */
  readonly activating?: readonly Attempt<boolean>[] | undefined;
  readonly deleting?: DeletedAccount | undefined;
  readonly ending?: Ending | undefined;
  readonly cut?: SessionCut | undefined;
  /** Roles with access to AWS accounts that ended while their holder was active: sessions may outlive them. */
  readonly lapsed?: readonly LapsedGrant[] | undefined;
  /** By grant key. */
  readonly memberships: Readonly<Record<string, Membership>>;
  /** By grant key. */
  readonly extras?: Readonly<Record<string, ExtraMembership>> | undefined;
  /** The guard that holds back a part of what this revision asks for: such an item is never up to date. */
  readonly staged?: string | undefined;
  readonly drift?: DriftNote | undefined;
}

/** An assignment of the role's group: `making` and `removing` from before it is asked for until its end is told. */
export interface AssignmentEntry {
  readonly assignment: Assignment;
  readonly state: 'making' | 'made' | 'removing';
  /** When it was first asked for, ISO 8601. */
  readonly since: string;
  /** The target's id of what is under way. */
  readonly request?: string | undefined;
  /** What an interrupted run did before this, the other way, and perhaps did not tell: it is told with this. */
  readonly former?: AssignmentEntry | undefined;
}

export interface RoleEntry {
  readonly pk: string;
  readonly version: number;
  readonly roleId?: string | undefined;
  /** Set while that group does not carry our mark: it gets no members and no assignments from us. */
  readonly unmarked?: true | undefined;
  readonly intent?: Intent | undefined;
  /** Set once RoleProvisioned is on the bus. */
  readonly told?: true | undefined;
  /** By assignment key. */
  readonly assignments?: Readonly<Record<string, AssignmentEntry>> | undefined;
  /** Members that are none of ours and are being taken out: membership ids by account. */
  readonly expelling?: Readonly<Record<string, string>> | undefined;
  readonly drift?: DriftNote | undefined;
}

/** A note with those that it keeps of what was done before it, oldest first. */
export const withFormer = <T extends { readonly former?: T | undefined }>(note: T | undefined): readonly T[] =>
  note === undefined ? [] : [...withFormer(note.former), note];

export interface Ledger {
  readAccount(pk: string): Promise<AccountEntry | undefined>;
  readRole(pk: string): Promise<RoleEntry | undefined>;
  /** Replaces an item if its version is the one before. @throws RetryableError when another run wrote it meanwhile */
  write(entry: AccountEntry | RoleEntry): Promise<void>;
}

export const accountPk = (target: string, domain: string, guid: string): string => `${target}#${domain}#${guid}`;
export const rolePk = (target: string, role: string): string => `${target}#role#${role.toLowerCase()}`;
export const assignmentKey = ({ account, permissionSet }: Assignment): string => `${account}/${permissionSet}`;

/** How much of a target an item stands for, for the guard's shares. Notes of an interrupted run change nothing of it. */
export function heldBy(entry: AccountEntry | undefined): { readonly memberships: number; readonly accounts: number } {
  const held = withFormer(entry?.deleting).flatMap((account) => Object.values(account.held ?? {}));
  const memberships = [...Object.values(entry?.memberships ?? {}), ...held];
  return {
    memberships: memberships.filter(({ membershipId, former, ending }) => membershipId !== undefined || former !== undefined || ending)
      .length,
    accounts: entry?.account === undefined && entry?.deleting === undefined ? 0 : 1,
  };
}

/**
 * Id of the event that tells what was done to an account: whichever runs were interrupted, and whatever was decided meanwhile, it was done
 * once. An account is made and deleted once; whatever can happen again is told apart by the version of the item that noted it first.
 */
export const accountEventId = (target: string, accountId: string, type: IdentityEventType, number = 0, part = ''): string =>
  eventId(target, accountId, number, type, part);

/** What is told of assignments that came to their end. The id is of what was done: whoever's run it was, it was made or removed once. */
export const assignmentNews = (target: string, role: string, id: string, settled: readonly AssignmentEntry[]) =>
  settled.map(({ assignment, state, since }) => {
    const type = state === 'removing' ? ('RoleUnassigned' as const) : ('RoleAssigned' as const);
    return { type, change: { target, role, id, assignment }, id: eventId(target, id, 0, type, `${assignmentKey(assignment)}@${since}`) };
  });

/** Each kind that was found, with all its details. */
export function foundByKind({ found }: DriftNote): readonly (readonly [kind: DriftKind, detail: string])[] {
  const kinds = [...new Set(found.map(({ kind }) => kind))];
  return kinds.map((kind) => [kind, found.flatMap((one) => (one.kind === kind ? [one.detail] : [])).join('; ')]);
}
