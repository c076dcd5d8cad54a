/**
 * The mirror of a directory: the rows of the directory table and the port to them.
 *
 * - An object's row lies under `pk = domain#guid`, `sk = object`.
 * - A membership's row (an edge) lies under its *member*, `sk = memberOf#groupGuid`: one consistent query of a principal's partition gives the
 *   principal and its groups.
 * - The index `listing` lists a group's members (`members#domain#groupGuid`) and a domain's groups (`groups#domain`).
 * - The directory's own status lies under `domain#status`, the cursor with its lease under `domain#cursor`.
 *
 * Rows are never removed by change capture: a deleted object and an ended membership stay as tombstones until `expiresAt`.
 */
import type { ObjectType, Subject } from '../events/catalogue.ts';
import type { ObjectReference } from './object-identity.ts';

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
  /** Epoch seconds at which DynamoDB may forget a tombstone. */
  readonly expiresAt?: number | undefined;
}

export interface ObjectRow extends Row {
  readonly sk: 'object';
  readonly guid: string;
  readonly sid?: string | undefined;
  readonly type: ObjectType;
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly deleted: boolean;
  /** Of a deleted object: attributes that the deletion cleared. They are told once, with the tombstone, and not again at a restoration. */
  readonly stripped?: readonly string[] | undefined;
}

export interface EdgeRow extends Row {
  readonly group: Subject;
  readonly member: ObjectReference;
  readonly present: boolean;
}

export interface StatusRow extends Row {
  readonly sk: 'status';
  readonly reachable: boolean;
  readonly since: string;
  readonly reason?: string | undefined;
  /** Set once, when the first snapshot is complete. */
  readonly snapshotCompleted?: SnapshotCounts | undefined;
}

export interface SnapshotCounts {
  readonly users: number;
  readonly groups: number;
  readonly memberships: number;
}

export type MirrorRow = ObjectRow | EdgeRow | StatusRow;

/** Where change capture is. Written only under the lease. */
export interface Cursor {
  /** Empty before the first page. */
  readonly cookie: Buffer;
  /** What was asked for: another filter or attribute list needs a full sync. */
  readonly query: string;
  /** Counts so far while the first snapshot runs; undefined once it is complete. */
  readonly snapshot: SnapshotCounts | undefined;
  /** Since when no domain controller answers, ISO 8601; undefined while one does. */
  readonly unreachableSince: string | undefined;
}

export interface Lease {
  readonly fence: number;
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
export const membersListing = (domain: string, groupGuid: string): string => `members#${domain}#${groupGuid}`;
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
