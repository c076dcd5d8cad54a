/** A record in a line of text. */
import type { Grant } from '../../events/catalogue.ts';
import type { ChainedRecord } from '../audit-record.ts';
import { isOf } from './event-record.ts';
import { shortName } from './principals.ts';

/** What happened to whom: `GroupMemberAdded developers: ada`, `RoleGranted ada: developers at wiki`. */
export function whatHappened(record: ChainedRecord): string {
  const { type, subject } = record.unmapped;
  const detail = detailOf(record);
  return `${type} ${shortName(subject)}${detail === '' ? '' : `: ${detail}`}`;
}

function detailOf(record: ChainedRecord): string {
  const { privileges, unmapped } = record;
  const loose = unmapped.change as { readonly reason?: unknown; readonly kind?: unknown; readonly outcome?: unknown };
  if (isOf(record, 'GroupMemberAdded', 'GroupMemberRemoved')) return record.unmapped.change.member.name;
  if (isOf(record, 'AccessDecided')) {
    const { granted, revoked, holds } = record.unmapped.change;
    const sides = [list('gives', granted), list('takes', revoked)].filter((side) => side !== '');
    return sides.join('; ') || list('holds', holds) || 'holds nothing';
  }
  if (isOf(record, 'UserMoved', 'GroupMoved')) return `to ${record.unmapped.change.after}`;
  if (/(?:Renamed|Updated)$/.test(unmapped.type)) return Object.keys(attributesOf(unmapped.change)).join(', ');
  const place = privileges?.join(', ') ?? (unmapped.target === undefined ? '' : `at ${unmapped.target}`);
  return [place, loose.kind, loose.outcome, loose.reason].filter((part) => typeof part === 'string' && part !== '').join(', ');
}

const list = (verb: string, grants: readonly Grant[]): string =>
  grants.length === 0 ? '' : `${verb} ${grants.map(({ role, target }) => `${role} at ${target}`).join(', ')}`;

const attributesOf = (change: object): object => ('attributes' in change ? (change.attributes as object) : change);

/**
 * Who did it: in the directory as its Security log says, or whose signed word it is. @returns undefined for what a function did, and where
 * no log tells
 */
export function doneBy(record: ChainedRecord): string | undefined {
  const { user } = record.actor;
  if (user !== undefined) return `${user.name} (${user.uid})`;
  if (isOf(record, 'GuardDecided', 'GuardReleased')) return record.unmapped.change.by;
  // The name is the signer's own word, the ARN is not.
  if (isOf(record, 'AccessReviewSignedOff')) return `${record.unmapped.change.by} (${record.unmapped.change.signer})`;
  return undefined;
}

/** `, by …` for a line of text; of a function's own doing the type of the event says enough. */
export function byText(record: ChainedRecord): string {
  const by = doneBy(record);
  if (by !== undefined) return `, by ${by}`;
  return record.unmapped.source === 'active-directory.directory' ? ', by whom no Security log tells' : '';
}

/** Enough of an event's id to find it by: its first two groups. */
export const shortId = (id: string): string => (/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(id) ? id.slice(0, 13) : id);

/** What somebody has lost for good, or the directory has. */
export function isDeletion(record: ChainedRecord): boolean {
  const { class_uid, activity_id, unmapped } = record;
  if (unmapped.type === 'PolicyChanged') return (unmapped.change as { readonly action?: string }).action === 'deleted';
  // OCSF's activity "Delete" of Account Change and of Group Management.
  return (class_uid === 3001 && activity_id === 6) || (class_uid === 3006 && activity_id === 5) || unmapped.type === 'AccessEnded';
}

/** From the group that the principal is a direct member of to the one that the mapping selects. */
export const pathOf = ({ path = [], group }: Pick<Grant, 'path' | 'group'>): string => [...path, group].map(({ name }) => name).join(' > ');

/** Times as tables show them: UTC, to the second. */
export const second = (time: string): string => `${time.slice(0, 19)}Z`;
