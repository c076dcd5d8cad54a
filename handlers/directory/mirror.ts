/**
 * The mirror of a directory: the rows of the directory table and the port to them.
 *
 * - An object's row lies under `pk = domain#guid`, `sk = object`.
 * - A membership's row (an edge) lies under its *member*, `sk = memberOf#groupGuid`: one consistent query of a principal's partition gives the
 *   principal and its groups.
 * - The index `listing` lists a group's members (`members#domain#groupGuid`) and a domain's groups (`groups#domain`), `due` the accounts
 *   whose state changes by time passing, `sid` all rows of a security identifier, so that a member from another watched domain is found.
 * - The directory's own status lies under `domain#status`, the cursor with its lease under `domain#cursor`.
 *
 * Rows are never removed by change capture: a deleted object and an ended membership stay as tombstones until `expiresAt`.
 */
import { createHash } from 'node:crypto';
import type { ObjectType, Subject } from '../events/catalogue.ts';
import { guidText, type ObjectReference } from '../platform/object-identity.ts';
import type { LockoutEnd } from './directory-source.ts';
import type { ActorHint } from './security-log/actor-hints.ts';

interface Row {
  readonly pk: string;
  readonly sk: string;
  readonly domain: string;
  /** Counts the changes of this row, from 1. */
  readonly revision: number;
  /** The fencing token of the lease under which the row was written. */
  readonly fence: number;
  /** When change capture read the change, ISO 8601. */
  readonly detectedAt: string;
  /** True for what the first snapshot brought: it raises no event of its own. */
  readonly snapshot?: boolean | undefined;
  /** Partition of the index `listing`. */
  readonly listedUnder?: string | undefined;
  /** Partition of the index `sid`: the object's own, or of an edge whose member is not of this domain the member's. */
  readonly sid?: string | undefined;
  /** What the Security log said of the object when the row was last written. */
  readonly hints?: readonly ActorHint[] | undefined;
  /** Epoch seconds at which DynamoDB may forget a tombstone. */
  readonly expiresAt?: number | undefined;
}

export interface ObjectRow extends Row {
  readonly sk: 'object';
  readonly guid: string;
  readonly type: ObjectType;
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly deleted: boolean;
  /** Of a deleted object: attributes that the deletion cleared. They are told once, with the tombstone, and not again at a restoration. */
  readonly stripped?: readonly string[] | undefined;
  /** Of a deleted object: no tombstone came, a look-up proved it gone. */
  readonly vanished?: true | undefined;
  /** accountExpires has passed. It is set by the poll that sees it, as nothing is written in the directory then. */
  readonly expired?: true | undefined;
  /** Until when the account is locked out; undefined when it is not. */
  readonly lockedOut?: LockoutEnd | undefined;
  /** Indexes of `due`: when the next of these two states ends, ISO 8601. */
  readonly dueUnder?: string | undefined;
  readonly dueAt?: string | undefined;
  /** objectGUID of the primary group, whose membership no `member` value shows. */
  readonly primaryGroup?: string | undefined;
  /** Of a fine-grained password policy: `guid distinguished name` of whom it applies to. */
  readonly appliesTo?: readonly string[] | undefined;
  /** Not of the configured scope: mirrored, so that it can enter with a single change, but nothing is told of it. */
  readonly outOfScope?: true | undefined;
  /** Attributes that this write brought because capture began to ask for them: no change of the directory. */
  readonly learned?: readonly string[] | undefined;
}

export interface EdgeRow extends Row {
  readonly group: Subject;
  readonly member: ObjectReference;
  /** By a value of the group's `member`. */
  readonly direct: boolean;
  /** By the member's primaryGroupID. */
  readonly primary: boolean;
  /** One of both. */
  readonly present: boolean;
  /** The group is out of scope. */
  readonly untold?: true | undefined;
}

export interface StatusRow extends Row {
  readonly sk: 'status';
  readonly reachable: boolean;
  readonly since: string;
  readonly reason?: string | undefined;
  /** Set once, when the first snapshot is complete. */
  readonly snapshotCompleted?: SnapshotCounts | undefined;
  /** The guard's last word on deletions that verification found. */
  readonly guard?: GuardState | undefined;
}

/** Where what is gone lay: a container, and how much of it. */
export interface GoneFrom {
  readonly container: string;
  readonly count: number;
}

export interface GuardState {
  /** Names what is to be approved: a digest of it. */
  readonly approval: string;
  readonly state: 'tripped' | 'approved' | 'expired';
  readonly gone: GoneCount;
  /** The containers that lost most. */
  readonly from: readonly GoneFrom[];
  readonly verified: number;
  readonly most: number;
  readonly share: number;
  readonly expiresAt: string;
}

export interface SnapshotCounts {
  readonly users: number;
  readonly computers: number;
  readonly serviceAccounts: number;
  readonly groups: number;
  readonly memberships: number;
}

export type MirrorRow = ObjectRow | EdgeRow | StatusRow;

/** What was asked for. Another filter, attribute list, scope or mode needs a full sync. */
export interface Query {
  readonly digest: string;
  readonly attributes: readonly string[];
}

/** Where change capture is. Written only under the lease. */
export interface Cursor {
  /** Empty before the first page. */
  readonly cookie: Buffer;
  readonly query: Query;
  /** More pages wait behind the cookie. */
  readonly more: boolean;
  /** Counts so far while the first snapshot runs; undefined once it is complete. */
  readonly snapshot: SnapshotCounts | undefined;
  /** The full sync that runs after the first snapshot; undefined while none does. */
  readonly fullSync: FullSync | undefined;
  /** Since when no domain controller answers, ISO 8601; undefined while one does. */
  readonly unreachableSince: string | undefined;
  /** The last poll that brought everything up to date, ISO 8601. */
  readonly polledAt: string | undefined;
  /** A group of the scope could not be found: who joined or left it meanwhile is still to be settled. */
  readonly scopeUnknown?: true | undefined;
  /** The domain controllers asked so far, by DNS name: what tells a rolled back or restored one. */
  readonly controllers: Readonly<Record<string, KnownController>>;
  readonly tombstoneDays: number | undefined;
  /** The domain controller that gave the cookie, and since when it is this one and no other, ISO 8601; undefined: from the beginning. */
  readonly givenBy?: { readonly host: string; readonly since?: string | undefined } | undefined;
  /** The pass of verification that runs, or is due. */
  readonly verification: Verification | undefined;
  /** When the last pass of verification ended, ISO 8601. */
  readonly verifiedAt: string | undefined;
  /** What verification let through since then, ISO 8601: the guard counts it for a day. */
  readonly letThrough?: { readonly since: string; readonly count: number } | undefined;
  /** What waits for a person's approval. */
  readonly heldBack: HeldBack | undefined;
}

export interface FullSync {
  /** Names the sync, for the notes of what it saw: when it began, ISO 8601. */
  readonly run: string;
  /** Attributes that it brings for the first time. */
  readonly learning: readonly string[];
}

export interface KnownController {
  readonly invocationId: string;
  /** highestCommittedUSN as decimal text. */
  readonly usn: string;
}

/** A look at every row, whether the directory still holds what it says. */
export interface Verification {
  readonly startedAt: string;
  /** The full sync before it, which noted what it saw; undefined when the look-ups alone are the complete read. */
  readonly run: string | undefined;
  /** The last key that was looked at. */
  readonly after: RowKey | undefined;
  readonly verified: number;
  /** Keys of living rows of which a look-up proved that they are gone: written at the end of the pass, within the guard. */
  readonly gone: readonly RowKey[];
  readonly goneCount: GoneCount;
  /** Memberships that are not shown, and not proven gone. */
  readonly unproven: number;
  /** What a person let through: so many are written as they are found. */
  readonly approved: GoneCount | undefined;
}

export interface GoneCount {
  readonly objects: number;
  readonly memberships: number;
}

/** What the guard holds back. */
export interface HeldBack {
  readonly approval: string;
  readonly run: string | undefined;
  readonly gone: GoneCount;
  readonly expiresAt: string;
}

export interface Lease {
  readonly fence: number;
  /** Nobody held it before: there is no row yet. */
  readonly first: boolean;
  readonly cursor: Cursor | undefined;
}

export interface Mirror {
  /**
   * Takes the lease of a domain for `leaseMs`, or returns undefined while another holder has it.
   * The fencing token grows by one with each holder.
   */
  acquireLease(domain: string, owner: string, leaseMs: number): Promise<Lease | undefined>;
  /** Saves the cursor and keeps the lease. @throws LeaseLostError when another holder has it */
  saveCursor(domain: string, fence: number, cursor: Cursor): Promise<void>;
  /** Saves the cursor and gives the lease back. @throws LeaseLostError when another holder has it */
  release(domain: string, fence: number, cursor: Cursor | undefined): Promise<void>;
  /** The rows under these keys, consistent; keys without a row are left out. */
  read(keys: readonly RowKey[]): Promise<readonly MirrorRow[]>;
  /** A whole partition, consistent: an object and its memberships. */
  readPartition(pk: string): Promise<readonly MirrorRow[]>;
  /** Keys listed in the index, eventually consistent. */
  list(listedUnder: string): Promise<readonly RowKey[]>;
  /** Keys of the rows of a security identifier, of every domain, eventually consistent. */
  listBySid(sid: string): Promise<readonly RowKey[]>;
  /** Keys of the accounts of a domain whose state changed by time passing until then, eventually consistent. */
  due(domain: string, until: string): Promise<readonly RowKey[]>;
  /** A stretch of a domain's rows that live, or vanished without a tombstone, consistent, in an order of the table's own; `after` undefined at the end. */
  scan(domain: string, after: RowKey | undefined): Promise<{ readonly rows: readonly MirrorRow[]; readonly after: RowKey | undefined }>;
  /** Notes what a full sync saw: GUIDs of objects, marks of memberships. The notes of a run are forgotten after a week. */
  noteSeen(domain: string, run: string, marks: readonly string[]): Promise<void>;
  /** What a full sync noted, consistent. */
  seen(domain: string, run: string): Promise<ReadonlySet<string>>;
  /**
   * Writes rows, each only if the row it replaces is still of the revision before and of no later fence.
   *
   * @throws LeaseLostError when one is not: another holder wrote it
   */
  write(rows: readonly MirrorRow[]): Promise<void>;
}

export interface RowKey {
  readonly pk: string;
  readonly sk: string;
}

/** Another detect-changes took the lease over: this one must stop. Nothing is lost, the other reads on from the saved cursor. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

export const objectKey = (domain: string, guid: string): RowKey & { sk: 'object' } => ({ pk: `${domain}#${guid}`, sk: 'object' });
export const edgeKey = (domain: string, memberGuid: string, groupGuid: string): RowKey => ({
  pk: `${domain}#${memberGuid}`,
  sk: `memberOf#${groupGuid}`,
});
export const statusKey = (domain: string): RowKey & { sk: 'status' } => ({ pk: `${domain}#status`, sk: 'status' });
export const cursorKey = (domain: string): RowKey => ({ pk: `${domain}#cursor`, sk: 'cursor' });
export const membersListing = (domain: string, groupGuid: string): string => `members#${domain}#${groupGuid}`;
/** Partition of the notes of what a full sync saw; they are no rows of the mirror and raise no event. */
export const seenPartition = (domain: string, run: string): string => `${domain}#seen#${run}`;
/** A membership in the notes: sixteen bytes in the form of a GUID, like an object. */
export function membershipMark(groupGuid: string, memberGuid: string): string {
  return guidText(createHash('sha256').update(`${groupGuid} ${memberGuid}`).digest().subarray(0, 16));
}
export const dueListing = (domain: string): string => `due#${domain}`;
export const groupsListing = (domain: string): string => `groups#${domain}`;

export const isObjectRow = (row: MirrorRow): row is ObjectRow => row.sk === 'object';
export const isStatusRow = (row: MirrorRow): row is StatusRow => row.sk === 'status';
export const isEdgeRow = (row: MirrorRow): row is EdgeRow => row.sk.startsWith('memberOf#');

/** First value of an attribute. */
export const firstValue = (row: ObjectRow, attribute: string): string | undefined => row.attributes[attribute]?.[0];

/**
 * userAccountControl without ADS_UF_ACCOUNTDISABLE (MS-ADTS section 2.2.16). An account whose flags are missing or unreadable is not known
 * to be enabled, so it is not (invariant 7).
 */
export function isEnabled(row: ObjectRow): boolean {
  const flags = firstValue(row, 'userAccountControl') ?? '';
  return /^-?\d+$/.test(flags) && (Number(flags) & 0x2) === 0;
}

/** The objects that hold access, or give it. */
export const isAccount = (row: ObjectRow): boolean => row.type === 'user' || row.type === 'computer' || row.type === 'serviceAccount';

/** An object as events name it. */
export function subjectOf(row: ObjectRow): Subject {
  const samAccountName = firstValue(row, 'sAMAccountName');
  const userPrincipalName = firstValue(row, 'userPrincipalName');
  return {
    guid: row.guid,
    ...(row.sid === undefined ? {} : { sid: row.sid }),
    type: row.type,
    name: firstValue(row, 'name') ?? samAccountName ?? row.guid,
    dn: row.dn,
    ...(samAccountName === undefined ? {} : { samAccountName }),
    ...(userPrincipalName === undefined ? {} : { userPrincipalName }),
  };
}
